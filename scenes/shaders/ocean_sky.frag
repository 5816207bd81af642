#version 330
#include "ocean_common.glsl"
#include "ocean_env.glsl"
uniform sampler2D sky_map;
uniform sampler2D cloud_map;
uniform vec3 sun;
uniform vec3 cloud_lit;
uniform vec3 cloud_dark;
uniform vec4 cloud;          // drift x, y; how much is covered; how thick
uniform vec4 mist;           // colour, and how thick it lies along the horizon
in vec3 way;
out vec4 colour;
void main() {
    vec3 d = normalize(way);
    vec3 c = texture(sky_map, env_at(d)).rgb;
    float up = max(d.z, 0.0);
    vec2 at = d.xy / (up + 0.16);
    vec3 puff = texture(cloud_map, at * vec2(0.075, 0.14) + cloud.xy).rgb;
    float thick = clamp((puff.r - cloud.z) * 2.6, 0.0, 1.0);
    thick *= thick * (3.0 - 2.0 * thick) * cloud.w * min(up * 11.0, 1.0);
    float toward = max(dot(d, sun), 0.0);
    toward *= toward;
    vec3 lit = mix(cloud_dark, cloud_lit, clamp(puff.g * (0.35 + 0.65 * toward), 0.0, 1.0));
    c = mix(c, lit, thick);
    float low = max(1.0 - up * (9.0 - 6.5 * mist.a), 0.0);
    c = mix(c, mist.rgb, mist.a * (low * low * 0.85 + 0.15 * mist.a));
    colour = vec4(shown(c), 1.0);
}
