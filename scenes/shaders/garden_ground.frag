#version 330
#include "grain.glsl"
uniform sampler2D cloud_map;
#ifndef GRAVEL
in vec3 green[3];
#endif
#ifndef MOSS
uniform vec3 raked[3];       // stones that the rake went round: x, y, reach
in vec3 gravel[3];
in vec2 bow;
in float moss;
#endif
in vec2 place;
out vec4 colour;
void main() {
    float fine = texture(cloud_map, place * 0.71 + 0.3).r;
#ifndef MOSS
    float along = place.y + 0.05 * sin(place.x * 0.6);
    vec2 lean = vec2(0.0, 1.0);
#ifndef PLAIN
    for (int i = 0; i < 3; i++) {
        vec2 off = place - raked[i].xy;
        float square = dot(off, off);
        if (square < raked[i].z * raked[i].z) { along = sqrt(square); lean = off / max(along, 0.05); }
    }
#endif
    float turn = along * 44.0;
    float wide = fwidth(turn) * 0.55;
    float seen = 1.0 / (1.0 + wide * wide * wide);
    float left = (0.80 + seen * (0.13 * sin(turn) + 0.22 * cos(turn) * dot(lean, bow))) * (0.62 + 0.85 * fine);
    vec3 stones = gravel[0] + left * (gravel[1] + left * gravel[2]);
#endif
#ifndef GRAVEL
    vec3 plants = green[0] + fine * (green[1] + fine * green[2]);
#endif
#if defined(MOSS)
    colour = vec4(plants + grain(), 1.0);
#elif defined(GRAVEL)
    colour = vec4(stones + grain(), 1.0);
#else
    colour = vec4(mix(stones, plants, smoothstep(0.38, 0.62, moss + (fine - 0.5) * 0.35)) + grain(), 1.0);
#endif
}
