#version 330
#include "ocean_common.glsl"
#include "ocean_env.glsl"
uniform sampler2D mirror_map;    // sky, hills and trees as the pond sees them
uniform sampler2D wave_map;
uniform vec4 ripples;            // slope in rms, 1 / tile, how hard it rains, time
uniform vec3 deep;
uniform vec4 mist;
uniform float pixel_tan;
in vec3 to_point;
in vec2 place;
in float hidden;
out vec4 colour;
const float ROUND = 19.0;        // metres to what stands round the garden

// One drop's rings in each cell of a net: its slope at `p`. A wave under a bell, both as powers: no sine, no exp.
vec2 rings(vec2 p, float per_m, float side, float per_s, float odd) {
    vec2 q = p * per_m + odd;
    vec2 cell = floor(q);
    float dice = fract(52.9829189 * fract(dot(cell, vec2(0.06711056, 0.00583715)) + odd * 0.137));
    float beat = ripples.w * per_s + dice;
    float count = floor(beat);
    float life = beat - count;
    vec2 dice2 = fract(vec2(dice * 71.7, dice * 39.3) + count * vec2(0.618, 0.382));
    vec2 off = (q - cell - 0.3 - 0.4 * dice2) * side;
    float near = inversesqrt(max(dot(off, off), 1e-4));
    float band = (dot(off, off) * near - life * side * 0.34) * (per_m / 0.055);
    float square = band * band;
    float bell = max(1.0 - 0.25 * square, 0.0);
    bell *= bell;
    float here = fract(dice2.x * 13.7 + dice2.y * 7.1) <= ripples.z ? 3.0 * (1.0 - life) * (1.0 - life) * min(life * 12.0, 1.0) : 0.0;
    return off * (near * band * (1.0 - square) * bell * bell * bell * here);
}

void main() {
    float nearness = inversesqrt(dot(to_point, to_point));
    vec3 v = to_point * nearness;
    float seen = pixel_tan / (nearness * max(-v.z, 0.05));      // metres of water under one pixel
    seen *= seen;
    float calm = 1.0 / (1.0 + 60.0 * seen);
    vec2 slope = (texture(wave_map, place * ripples.y).rg - 0.50196) * (8.0315 * ripples.x);
    slope += (rings(place, 1.0 / 0.62, 0.62, 1.0 / 1.9, 0.0) + rings(place.yx + 3.7, 1.0 / 0.43, 0.43, 1.0 / 1.5, 5.3)) * (0.30 / (1.0 + 400.0 * seen));
    vec2 tilt = slope * calm;                                   // slight: the normal needs no length of 1
    float facing = dot(v.xy, tilt) - v.z;
    vec3 r = v + 2.0 * facing * vec3(-tilt, 1.0);
    r.z = abs(r.z) + 0.3 * ripples.x * (1.0 - calm);
    // Where the mirrored way meets what stands round the garden, seen from the pond's level at the seat.
    float a = max(dot(r.xy, r.xy), 1e-4);
    float b = dot(place, r.xy);
    float t = (sqrt(b * b + a * (ROUND * ROUND - dot(place, place))) - b) / a;
    vec3 hit = vec3(place, 0.0) + r * t;
    vec3 light = texture(mirror_map, env_at(vec3(hit.xy, hit.z * inversesqrt(dot(hit, hit))))).rgb;
    light *= light * 2.5;
    float c = 1.0 - clamp(facing, 0.0, 1.0);
    float fresnel = 0.06 + 0.94 * c * c * c;
    vec3 body = deep * (1.0 + slope.y * 3.0);
    colour = vec4(shown(mix(mix(body, light, fresnel), mist.rgb, hidden)), 1.0);
}
