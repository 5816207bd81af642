#version 330
#include "garden_air.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ViewProjectionMatrix;
uniform vec4 breeze;         // metres of sway, time
in vec3 vertex;              // centre
in vec4 card;                // corner x, y; size; turn
in vec4 tone;                // colour, and which half of the atlas
in vec2 warm;
out vec2 at;
flat out vec3 dark;               // as a display is given it; the bright parts add `more`
flat out vec3 more;
void main() {
    float away = length(vertex.xy);
    vec2 look = vertex.xy / away;
    vec3 side = vec3(look.y, -look.x, 0.0);
    float c = cos(card.w), s = sin(card.w);
    vec2 p = mat2(c, s, -s, c) * card.xy * card.z;
    float own = dot(vertex, vec3(1.7, 2.3, 0.9)) + card.w;
    float sway = breeze.x * (sin(breeze.y * 0.83 + own * 0.35) + 0.45 * sin(breeze.y * 1.71 + own));
    vec3 where = vertex + side * (p.x + sway) + vec3(0.0, 0.0, p.y + 0.3 * sway);
    at = vec2((card.x * 0.49 + 0.5 + tone.w) * 0.5, card.y * 0.49 + 0.5);
    vec3 light = tone.rgb * (sky_light * 1.0 + lamp_colour * lamp.w * 0.35 + FLAME * dot(warm, glow));
    float hidden = misty(away, vertex.z);
    dark = film(mix(light * 0.35, mist.rgb, hidden));
    more = film(mix(light * 1.35, mist.rgb, hidden)) - dark;
    gl_Position = p3d_ViewProjectionMatrix * vec4(where, 1.0);
}
