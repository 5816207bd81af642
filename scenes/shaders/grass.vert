#version 330
#include "ocean_env.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform sampler2D sky_map;
uniform sampler2D cloud_map;
uniform vec3 land_sky;
uniform vec3 land_light;
uniform vec4 mist;
uniform vec4 land_span;
uniform vec3 season;         // what it does to green
uniform vec4 breeze;         // how far it bends, its turn
in vec3 vertex;
in vec4 blade;               // how high up the blade 0 … 1 (ground: −1), own shade, own phase, dapple's place
out vec3 light;
#ifndef BLADE
out vec2 place;
out vec4 far;
#endif
void main() {
    vec3 p = vertex;
    float up = max(blade.x, 0.0);
    float gust = textureLod(cloud_map, p.xy * 0.02 + vec2(breeze.y, breeze.y * 0.7), 0.0).r;
    float turn = 6.2831853 * (breeze.z + blade.z);
    p.xy += up * up * breeze.x * (vec2(0.22, 0.10) * (gust - 0.3) + vec2(0.05, 0.03) * sin(turn));
    float away = length(p.xy);
    vec3 air = textureLod(sky_map, env_at(vec3(p.xy / max(away, 1e-3), 0.05)), 0.0).rgb;
    vec3 green = mix(vec3(0.055, 0.105, 0.030), vec3(0.21, 0.25, 0.075), blade.y) * (blade.x < 0.0 ? 0.72 : 0.5 + 0.9 * up);
    light = green * season * (land_sky * 1.15 + 0.006 + land_light * 0.36);
#ifdef BLADE
    light *= 1.0 + 0.75 * (textureLod(cloud_map, p.xy * 0.045, 0.0).r - 0.5);
#else
    place = p.xy;
#endif
    float m = away * land_span.w;
    vec4 veil = vec4(mix(air, mist.rgb, mist.a), 1.0 - 1.0 / (1.0 + 0.55 * m + away * land_span.z));
#ifdef BLADE
    light = film(mix(light, veil.rgb, veil.a));
#else
    far = veil;
#endif
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(p, 1.0);
}
