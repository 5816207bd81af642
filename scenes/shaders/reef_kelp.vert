#version 330
#include "reef_sea.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ViewProjectionMatrix;
in vec3 vertex;              // foot
in vec4 blade;               // side, share up, height, own phase
in float wide;
out vec3 at;
out vec3 dark;               // of the rib, as a display is given it; the blade adds `more`
out vec3 more;
void main() {
    float share = blade.y;
    float t = moves.y;
    vec2 bend = vec2(sin(t * 0.42 + blade.w - share * 2.1), sin(t * 0.35 + blade.w * 1.7 - share * 1.8 + 1.0));
    vec3 where = vertex + vec3(bend * moves.x * share * (0.5 + share) * 1.6 + vec2(0.35, -0.1) * share * share, share * blade.z);
    vec2 look = normalize(vertex.xy);
    float twist = cos(share * 7.0 + blade.w);
    where.xy += vec2(look.y, -look.x) * blade.x * wide * (0.7 + 0.3 * twist);
    at = vec3(blade.x, share * blade.z, blade.w);
    float away = length(where);
    vec3 paint = mix(vec3(0.10, 0.13, 0.03), vec3(0.30, 0.28, 0.06), share);
    vec3 light = paint * (sea_side * 0.7 + sea_top * 0.55 + lamp_colour * 0.35 * share) * (0.8 + 0.3 * twist) * kept(away);
    vec3 air = sea(where / away);
    dark = film(mix(light * 0.8, air, lost(away)));
    more = film(mix(light * 1.2, air, lost(away))) - dark;
    gl_Position = p3d_ViewProjectionMatrix * vec4(where, 1.0);
}
