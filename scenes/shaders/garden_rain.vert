#version 330
#include "ocean_film.glsl"
uniform vec3 rain_light;
uniform mat4 p3d_ViewProjectionMatrix;
uniform float pixel_tan;
uniform vec4 ripples;
in vec3 vertex;              // x, y, own phase
in vec3 streak;              // corner x, y; rank
out vec2 corner;
out float there;
flat out vec3 light;
void main() {
    light = film(rain_light);
    float away = length(vertex.xy);
    vec2 look = vertex.xy / away;
    float fall = fract(vertex.z + ripples.w * (0.92 + 0.16 * streak.z));
    float z = 3.4 - 4.85 * fall;
    corner = streak.xy;
    there = smoothstep(0.0, 0.15, ripples.z - streak.z * 0.98) * smoothstep(0.0, 0.1, fall);
    vec3 at = vec3(vertex.xy, max(z + streak.y * 0.16, -1.45));
    at.xy += vec2(look.y, -look.x) * streak.x * max(0.0025, away * pixel_tan * 0.8);
    gl_Position = p3d_ViewProjectionMatrix * vec4(at, 1.0);
}
