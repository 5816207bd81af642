#version 330
#include "ocean_env.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
uniform sampler2D sky_map;
uniform vec3 sun;
uniform vec3 cloud_lit;
uniform vec3 cloud_dark;
uniform vec4 cloud;          // drift x, y; how much is covered; how thick
uniform vec4 mist;           // colour, and how thick it lies along the horizon
in vec3 vertex;
out vec3 clear;              // without clouds, as a display is given it; so are the others
out vec3 shaded;             // a cloud's far side
out vec3 lit;                // what its near side adds
out vec3 puffs;              // where in the picture of clouds, and how thick they are
void main() {
    vec3 d = normalize(vertex);
    float up = max(d.z, 0.0);
    float toward = max(dot(d, sun), 0.0);
    toward *= toward;
    float low = max(1.0 - up * (9.0 - 6.5 * mist.a), 0.0);
    float veil = mist.a * (low * low * 0.85 + 0.15 * mist.a);
    clear = film(mix(textureLod(sky_map, env_at(d), 0.0).rgb, mist.rgb, veil));
    shaded = film(mix(cloud_dark, mist.rgb, veil));
    lit = film(mix(mix(cloud_dark, cloud_lit, 0.35 + 0.65 * toward), mist.rgb, veil)) - shaded;
    puffs = vec3(d.xy / (up + 0.16) * vec2(0.075, 0.14) + cloud.xy, cloud.w * min(up * 11.0, 1.0));
    vec4 at = p3d_ProjectionMatrix * vec4(mat3(p3d_ModelViewMatrix) * d, 1.0);
    gl_Position = vec4(at.xy, at.w * 0.999999, at.w);
}
