#version 330
#include "ocean_common.glsl"
uniform sampler2D fine_map;      // the level of the clouds that fits how far this part lies
uniform vec4 mist;
uniform vec3 raked[3];           // stones that the rake went round: x, y, reach
uniform float wet;
in vec2 place;
in float moss;
in vec3 light;
in float hidden;
in float coarse;
flat in vec2 bow;
out vec4 colour;
// A sine of turns, by parabolas.
vec2 wave(vec2 turns) {
    vec2 u = 2.0 * fract(turns) - 1.0;
    return 4.0 * u * (abs(u) - 1.0);
}
void main() {
    float fine = texture(fine_map, place * 0.71 + 0.3).r;
#ifndef MOSS
    float along = place.y + 0.05 * sin(place.x * 0.6);
    vec2 lean = vec2(0.0, 1.0);
#ifdef RAKED
    for (int i = 0; i < 3; i++) {
        vec2 off = place - raked[i].xy;
        float square = dot(off, off);
        if (square < raked[i].z * raked[i].z) { along = sqrt(square); lean = off / max(along, 0.05); }
    }
#endif
    float turn = along * 44.0;
    float wide = fwidth(turn) * 0.55;
    float seen = 1.0 / (1.0 + wide * wide * wide);
    vec2 furrow = wave(vec2(turn * 0.15915494, turn * 0.15915494 + 0.25));
#ifdef RAKED
    float shade = 0.80 + seen * (0.13 * furrow.x + 0.22 * furrow.y * dot(lean, bow));
#else
    float shade = 0.80 + seen * (0.13 * furrow.x + 0.22 * furrow.y * bow.y);
#endif
    vec3 gravel = mix(vec3(0.40, 0.39, 0.38), vec3(0.30, 0.30, 0.30), wet * 0.7) * shade * (0.62 + 0.85 * fine);
#endif
#ifndef GRAVEL
    vec3 green = mix(vec3(0.055, 0.115, 0.028), vec3(0.135, 0.185, 0.045), clamp(coarse * 1.5 - 0.25 + (fine - 0.5) * 0.5, 0.0, 1.0));
    green *= 0.55 + 0.9 * fine;
#endif
#if defined(MOSS)
    vec3 c = green * light;
#elif defined(GRAVEL)
    vec3 c = gravel * light;
#else
    float edge = smoothstep(0.38, 0.62, moss + (fine - 0.5) * 0.35);
    vec3 c = mix(gravel, green, edge) * light;
#endif
    colour = vec4(shown(mix(c, mist.rgb, hidden)), 1.0);
}
