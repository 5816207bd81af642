#version 330
#include "ocean_common.glsl"
uniform vec4 mist;
in vec2 at;
in vec3 light;
in float hidden;
out vec4 colour;
void main() {
    float joint = abs(fract(at.y * 2.6) - 0.5);
    float shade = (0.55 + 0.6 * (1.0 - at.x * at.x)) * (1.0 - 0.45 * smoothstep(0.46, 0.5, joint));
    colour = vec4(shown(mix(light * shade, mist.rgb, hidden)), 1.0);
}
