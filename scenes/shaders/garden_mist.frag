#version 330
uniform sampler2D fine_map;
uniform vec4 veil;
uniform vec4 mist;
in vec2 at;
in float own;
flat in vec3 light;
out vec4 colour;
void main() {
    float wisp = texture(fine_map, vec2(at.x + veil.z * 14.0 / own, at.y * 0.12 + own * 0.037)).r;
    float rise = 1.0 - at.y;
    float thick = smoothstep(0.25, 0.8, wisp * 0.8 + rise * 0.28) * rise * rise * smoothstep(0.0, 0.15, at.y);
    colour = vec4(light, thick * veil.y);
}
