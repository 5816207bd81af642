#version 330
#include "ocean_common.glsl"
uniform sampler2D fine_map;
uniform vec4 mist;
in vec3 light;
in vec3 grain_at;
in float hidden;
in float clear;
out vec4 colour;
void main() {
    float grain = texture(fine_map, grain_at.xy).r;
    vec3 c = light * (1.0 + grain_at.z * (grain * 1.6 - 0.8));
    colour = vec4(shown(mix(c, mist.rgb, hidden)), clear);
}
