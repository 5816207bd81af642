#version 330
#include "ocean_common.glsl"
#include "ocean_env.glsl"
uniform sampler2D sky_map;
uniform vec4 mist;
#include "panorama.glsl"
in vec2 uv;
in vec3 air_way;
out vec4 colour;
void main() {
    vec3 air = texture(sky_map, env_at(air_way)).rgb;
    vec4 land = land_at(uv, air, mist);
    colour = vec4(shown(land.rgb), land.a);
}
