#version 330
#include "ocean_common.glsl"
#include "ocean_env.glsl"
uniform sampler2D mirror_map;    // the sky map; the ocean's with the land in it
#ifdef LAKE
uniform vec4 mist;
uniform vec4 ring;               // where it comes from x, y; its turn; its slope
#ifndef STEEP
#include "panorama.glsl"
#endif
// A sine of turns, by parabolas.
float wave_of(float turns) {
    float u = 2.0 * fract(turns) - 1.0;
    return 4.0 * u * (abs(u) - 1.0);
}
#endif
#ifdef NEAR
uniform sampler2D wave_map;
#else
uniform sampler2D far_wave_map;
#endif
uniform vec4 waves;
uniform vec3 deep;               // light that comes out of the water
uniform vec3 lamp;               // where the sun or the moon stands
uniform vec4 lamp_light;         // its colour
in vec3 look;
in vec2 place;
in vec4 base;
in vec4 spark;
in float near;
in vec4 far;
out vec4 colour;
void main() {
#ifdef NEAR
    vec2 turned = vec2(place.x * 0.77 - place.y * 0.64, place.x * 0.64 + place.y * 0.77) * waves.y * 4.3;
    vec2 fine = texture(wave_map, turned + 0.37).rg - 0.50196;
    fine = vec2(fine.x * 0.77 + fine.y * 0.64, fine.y * 0.77 - fine.x * 0.64);
    vec2 ripple = texture(wave_map, place * waves.y).rg - 0.50196 + fine * (0.6 * near);
#else
    vec2 ripple = texture(far_wave_map, place * waves.y).rg - 0.50196;
#endif
    vec2 slope = base.xy + ripple * base.z;
#ifdef LAKE
    vec2 from = place - ring.xy;
    float square = dot(from, from);
    float closeness = inversesqrt(max(square, 0.0025));
    float away = square * closeness;
    float fall = max(1.0 - away * (1.0 / 30.0), 0.0);
    float swelling = fall * fall * smoothstep(0.2, 1.4, away) * (0.5 + 0.5 * wave_of(away * (1.0 / 9.0) - ring.z + 0.25));
    slope += from * (closeness * ring.w * swelling * wave_of(away * 0.62 - ring.z * 6.0));
#endif
    float steep = 1.0 / (1.0 + dot(slope, slope));
    float against = dot(look.xy, slope) - look.z;           // along the normal (-slope, 1), not yet of length 1
    vec3 r = vec3(look.xy - slope * (2.0 * against * steep), look.z + 2.0 * against * steep);
    r.z = abs(r.z) + base.w * 0.8;
    float c = 1.0 - clamp(against * (0.5 + 0.5 * steep) + 0.35 * base.w, 0.0, 1.0);  // the root of `steep`, nearly
    float c2 = c * c;
    float fresnel = 0.035 + 0.965 * c2 * c2;
    r.z *= inversesqrt(dot(r, r));
    vec2 at = env_at(r);
    vec3 light = texture(mirror_map, at).rgb;
    light *= light * 2.5;
#if defined(LAKE) && !defined(STEEP)     // so steeply looked at, it mirrors what stands higher than all land
    float height = (r.z * inversesqrt(max(1.0 - r.z * r.z, 1e-4)) - land_span.x) * land_span.y;
    if (height < 1.0) {
        vec4 land = land_at(vec2(at.x, height), light, mist);
        light = mix(light, land.rgb, land.a);
    }
#endif
    vec2 miss = slope + spark.xy;
    float glitter = exp(-dot(miss, miss) * spark.z) * (0.06 + 0.94 * fresnel);
    vec3 body = deep * (1.0 + 1.8 * dot(slope, lamp.xy));   // faces towards the light let more of it through
    vec3 water = mix(body, light, fresnel) + lamp_light.rgb * min(glitter * spark.w, 2.5);
    colour = vec4(shown(mix(water, far.rgb, far.a)), 1.0);
}
