#version 330
uniform sampler2D foliage_map;
in vec2 at;
in vec3 low_light;
in vec3 high_light;
out vec4 colour;
void main() {
    vec2 leaf = texture(foliage_map, at).ra;
    colour = vec4(mix(low_light, high_light, at.y * 0.8 + (leaf.x - 0.5) * 0.9), leaf.y);
}
