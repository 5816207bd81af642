#version 330
#include "garden_air.glsl"
uniform mat4 p3d_ViewProjectionMatrix;
uniform vec4 breeze;
in vec3 vertex;              // foot
in vec4 stem;                // side (−1, 1), share of the height, lean x, y
in vec2 tall;                // height, radius
in vec2 warm;
out vec2 at;
out vec3 light;
out float hidden;
void main() {
    float away = length(vertex.xy);
    vec2 look = vertex.xy / away;
    float share = stem.y;
    float sway = breeze.x * share * share * 2.0 * sin(breeze.y * 0.83 + dot(vertex.xy, vec2(1.7, 2.3)) * 0.35);
    vec3 where = vertex + vec3(stem.zw * share * share, share * tall.x);
    where.xy += vec2(look.y, -look.x) * (stem.x * tall.y * (1.0 - 0.55 * share) + sway);
    at = vec2(stem.x, share * tall.x);
    light = vec3(0.105, 0.145, 0.055) * (sky_light * 0.85 + lamp_colour * lamp.w * 0.3 + FLAME * dot(warm, glow));
    hidden = misty(away, where.z);
    gl_Position = p3d_ViewProjectionMatrix * vec4(where, 1.0);
}
