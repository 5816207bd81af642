#version 330
in vec2 corner;
in vec4 light;
out vec4 colour;
void main() {
    float fall = max(1.0 - dot(corner, corner), 0.0);
    colour = vec4(light.rgb, fall * light.a);
}
