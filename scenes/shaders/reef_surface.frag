#version 330
#include "ocean_common.glsl"
uniform sampler2D wave_map;
uniform vec3 window_light;
uniform vec3 lamp_colour;
uniform vec3 sea_side;
uniform vec3 sea_top;
uniform vec4 moves;
in vec3 way;
in vec2 place;
in vec2 from_lamp;
in vec4 far;
out vec4 colour;
void main() {
    vec2 slope = (texture(wave_map, place * 0.075).rg - 0.50196) * (8.0315 * moves.z);
    slope += (texture(wave_map, place.yx * 0.19 + 0.4).rg - 0.50196) * (3.0 * moves.z);
    float facing = clamp(way.z - dot(slope, way.xy), 0.0, 1.0);
    float open = clamp((facing - 0.52) * 3.5714, 0.0, 1.0);
    open *= open * (3.0 - 2.0 * open);
    vec2 miss = slope * 1.4 + from_lamp;
    vec3 outside = window_light * (0.75 + 0.35 * facing) + lamp_colour * (1.1 * exp(-7.0 * dot(miss, miss)));
    vec3 under = mix(sea_side, sea_top, 0.35 + 1.6 * (slope.x + slope.y));
    colour = vec4(shown(mix(mix(under, outside, open), far.rgb, far.a)), 1.0);
}
