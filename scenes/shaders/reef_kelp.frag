#version 330
#include "ocean_common.glsl"
in vec3 at;
in vec3 dark;
in vec3 more;
out vec4 colour;
void main() {
    float leaf = abs(fract(at.y * 2.3 + (at.x > 0.0 ? 0.5 : 0.0) + at.z) - 0.5) * 2.0;
    float rest = 1.0 - leaf;
    float reach = 0.16 + 0.80 * mix(sqrt(rest), rest, 0.19);            // nearly rest^0.6
    float off = abs(at.x) - reach;
    float inside = clamp(0.5 - off / max(fwidth(at.x) * 1.5, 0.02), 0.0, 1.0);
    colour = vec4(dark + more * smoothstep(0.0, 0.2, abs(at.x)) + grain(), inside);
}
