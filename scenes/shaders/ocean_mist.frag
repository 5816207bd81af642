#version 330
uniform sampler2D cloud_map;
uniform vec4 mist;
uniform vec2 drift;
in vec2 at;
in float away;
flat in vec3 light;
out vec4 colour;
void main() {
    float wisp = texture(cloud_map, vec2(at.x + drift.x * 20.0 / away, at.y * 0.16 + away * 0.013)).r;
    float rise = 1.0 - at.y;
    float thick = smoothstep(0.2, 0.75, wisp * 0.8 + rise * 0.3) * rise * smoothstep(0.0, 0.12, at.y);
    colour = vec4(light, thick * mist.a);
}
