#version 330
#include "ocean_common.glsl"
uniform sampler2D cloud_map;
in vec2 place;
in vec3 light;
in vec4 far;
out vec4 colour;
void main() {
    float drifts = texture(cloud_map, place * vec2(0.021, 0.034)).r - 0.5;
    float fine = texture(cloud_map, place.yx * vec2(0.13, 0.21)).g - 0.5;
    vec3 c = light * (1.0 + 0.42 * drifts + 0.16 * fine);
    colour = vec4(shown(mix(c, far.rgb, far.a)), 1.0);
}
