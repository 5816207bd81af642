#version 330
#include "reef_sea.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ViewProjectionMatrix;
in vec3 vertex;
in vec4 ring;                // centre x y, radii
in vec4 pace;                // height, radians a second, phase, own phase
in vec3 off;                 // outwards, up, rank
in vec3 hue;
out vec3 light;
void main() {
    float t = moves.y;
    float a = pace.z + pace.y * t + 0.05 * sin(t * 0.21 + pace.w);
    vec2 radii = ring.zw + off.x;
    vec2 round = vec2(cos(a), sin(a));
    vec2 ahead = normalize(vec2(-radii.x * round.y, radii.y * round.x)) * sign(pace.y);
    vec2 side = vec2(-ahead.y, ahead.x);
    float wag = 0.10 * (0.5 - vertex.x / 0.3) * sin(t * 3.1 + pace.w - vertex.x * 9.0);
    vec3 at = vec3(ring.xy + radii * round, pace.x + off.y + 0.18 * sin(t * 0.17 + pace.w));
    at.xy += ahead * vertex.x + side * (vertex.y + wag * length(vertex.xz) * 0.6);
    at.z += vertex.z;
    float away = length(at);
    float back = clamp(vertex.z * 6.0 + 0.5, 0.0, 1.0);
    vec3 paint = mix(hue * 1.1 + 0.12, hue * 0.55, back);
    vec3 seen = paint * (sea_side * 0.9 + sea_top * (0.35 + 0.25 * back) + lamp_colour * 0.22) * kept(away);
    light = film(mix(seen, sea(at / away), lost(away)));
    gl_Position = p3d_ViewProjectionMatrix * vec4(at, 1.0);
}
