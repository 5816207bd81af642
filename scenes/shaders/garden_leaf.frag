#version 330
uniform sampler2D leaf_map;
in vec2 at;
flat in vec3 dark;
flat in vec3 more;
out vec4 colour;
void main() {
    vec2 leaf = texture(leaf_map, at).ra;
    colour = vec4(dark + more * (leaf.x * (1.2 - 0.2 * leaf.x)), leaf.y);    // the coding's bend, nearly
}
