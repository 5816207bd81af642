#version 330
in float edge;
in vec3 light;
out vec4 colour;
void main() {
    float inside = clamp(0.5 - edge / max(fwidth(edge), 1e-3), 0.0, 1.0);
    colour = vec4(light, inside);
}
