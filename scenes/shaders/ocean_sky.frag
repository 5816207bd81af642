#version 330
#include "ocean_common.glsl"
uniform sampler2D cloud_map;
uniform vec4 cloud;
in vec3 clear;
in vec3 shaded;
in vec3 lit;
in vec3 puffs;
out vec4 colour;
void main() {
    vec2 puff = texture(cloud_map, puffs.xy).rg;
    float thick = clamp((puff.r - cloud.z) * 2.6, 0.0, 1.0);
    thick *= thick * (3.0 - 2.0 * thick) * puffs.z;
    colour = vec4(mix(clear, shaded + lit * puff.g, thick) + grain(), 1.0);
}
