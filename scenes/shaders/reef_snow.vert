#version 330
#include "reef_sea.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ViewProjectionMatrix;
uniform float pixel_tan;
uniform float snow;          // share of the grains that are there
in vec3 vertex;
in vec3 grain;               // corner, rank
out vec2 corner;
out vec4 light;
void main() {
    float t = moves.y;
    vec3 at = vertex;
    at.z = mod(vertex.z - t * 0.022 + 2.0, 5.0) - 1.7;
    float own = grain.z * 40.0;
    at += vec3(sin(t * 0.13 + own), cos(t * 0.11 + own * 1.3), 0.6 * sin(t * 0.17 + own)) * (0.10 + 0.6 * moves.x);
    float away = length(at);
    vec2 look = at.xy / length(at.xy);
    float size = max(0.006 + 0.006 * fract(own), away * pixel_tan * 1.1);
    corner = grain.xy;
    float ends = smoothstep(-1.7, -1.3, at.z) * (1.0 - smoothstep(2.7, 3.2, at.z));
    light = vec4(film(sea_top * 0.8 + sea_side * 0.6 + 0.05), 0.55 * ends * smoothstep(0.0, 0.1, snow - grain.z) * (1.0 - lost(away)));
    at += (vec3(look.y, -look.x, 0.0) * grain.x + vec3(0.0, 0.0, grain.y)) * size;
    gl_Position = p3d_ViewProjectionMatrix * vec4(at, 1.0);
}
