#version 330
#include "ocean_common.glsl"
uniform vec4 bell;
in vec4 look_at;
in float rim;
in vec4 far;
out vec4 colour;
void main() {
    vec3 c;
    float cover;
#ifdef THREAD
    float soft = 1.0 - look_at.z * look_at.z;
    c = vec3(1.0, 0.66, 0.86) * bell.y;
    cover = soft * (1.0 - look_at.x) * 0.55;
#else
    float u = look_at.x;
    float clover = smoothstep(0.16, 0.26, u) * smoothstep(0.48, 0.34, u) * (0.35 + 0.65 * abs(cos(look_at.y * 2.0)));
    float ribs = 0.5 + 0.5 * cos(look_at.y * 16.0);
    float hem = smoothstep(0.88, 1.0, u);
    c = mix(vec3(0.62, 0.60, 0.98), vec3(1.05, 0.62, 0.82), clamp(clover + hem * 0.6, 0.0, 1.0));
    c = (c * (0.45 + 0.9 * clover) + vec3(0.9, 0.9, 1.1) * rim * rim * rim * 0.8) * bell.y;
    cover = clamp(0.24 + 0.42 * rim * rim + 0.40 * clover + 0.08 * ribs * u + 0.25 * hem, 0.0, 0.85);
#endif
    colour = vec4(shown(mix(c, far.rgb, far.a)), cover * (1.0 - 0.5 * far.a));
}
