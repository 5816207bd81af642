#version 330
#include "ocean_common.glsl"
#include "reef_sea.glsl"
uniform sampler2D wave_map;
uniform vec3 window_light;
in vec3 to_point;
in vec2 place;
in vec4 far;
out vec4 colour;
void main() {
    float away = length(to_point);
    vec3 v = to_point / away;
    vec2 slope = (texture(wave_map, place * 0.075).rg - 0.50196) * (8.0315 * moves.z);
    slope += (texture(wave_map, place.yx * 0.19 + 0.4).rg - 0.50196) * (3.0 * moves.z);
    float facing = clamp(v.z - dot(slope, v.xy), 0.0, 1.0);
    float open = smoothstep(0.52, 0.80, facing);
    vec3 outside = window_light * (0.75 + 0.35 * facing);
    vec2 miss = slope * 1.4 + v.xy / max(v.z, 0.05) - lamp.xy / max(lamp.z, 0.05);
    outside += lamp_colour * 1.1 * exp(-dot(miss, miss) * 7.0);
    vec3 under = mix(sea_side, sea_top, 0.35 + 1.6 * (slope.x + slope.y));
    colour = vec4(shown(mix(mix(under, outside, open), far.rgb, far.a)), 1.0);
}
