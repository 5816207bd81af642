#version 330
#include "ocean_common.glsl"
#include "reef_sea.glsl"
uniform sampler2D wave_map;
uniform vec3 window_light;
in vec3 to_point;
in vec2 place;
in vec2 off_lamp;
in vec4 far;
out vec4 colour;
void main() {
    vec2 slope = (texture(wave_map, place * 0.075).rg - 0.50196) * (8.0315 * moves.z);
    slope += (texture(wave_map, place.yx * 0.19 + 0.4).rg - 0.50196) * (3.0 * moves.z);
    vec3 light = mix(sea_side, sea_top, 0.35 + 1.6 * (slope.x + slope.y));
#ifndef FAR                      // so flat is the look there that the water mirrors all
    float facing = clamp((to_point.z - dot(slope, to_point.xy)) * inversesqrt(dot(to_point, to_point)), 0.0, 1.0);
    float open = smoothstep(0.52, 0.80, facing);
    vec2 miss = slope * 1.4 + off_lamp;
    float glare = max(1.0 - dot(miss, miss) * 0.875, 0.0);              // to its eighth: nearly exp(−7 miss²)
    glare *= glare;
    glare *= glare;
    vec3 outside = window_light * (0.75 + 0.35 * facing) + lamp_colour * (1.1 * glare * glare);
    light = mix(light, outside, open);
#endif
    colour = vec4(shown(mix(light, far.rgb, far.a)), 1.0);
}
