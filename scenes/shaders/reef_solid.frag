#version 330
#include "ocean_common.glsl"
#include "reef_net.glsl"
uniform sampler2D fine_map;      // as `net_map`
uniform vec4 moves;
in vec3 light;
in vec3 netted;
in vec4 far;
in vec2 place;
in float bent;
out vec4 colour;
void main() {
    float grain = texture(fine_map, place * 0.43).r;
#ifdef SAND
    float shade = 0.84 + 0.28 * (grain - 0.5);
#ifndef FAR                      // where a ripple in the sand is less than a pixel there is none
    float turn = place.y * 17.0 + bent;
    float wide = fwidth(turn) * 0.6;
    float u = 2.0 * fract(turn * 0.15915494) - 1.0;
    shade += 0.48 / (1.0 + wide * wide * wide) * u * (abs(u) - 1.0);     // a sine, by parabolas
#endif
#else
    float shade = 0.55 + 0.9 * grain;
#endif
    vec3 c = light * shade + netted * net(place, moves.y);
    colour = vec4(shown(mix(c, far.rgb, far.a)), 1.0);
}
