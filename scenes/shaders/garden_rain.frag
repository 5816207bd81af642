#version 330
in vec2 corner;
in float there;
flat in vec3 light;
out vec4 colour;
void main() {
    colour = vec4(light, (1.0 - abs(corner.x)) * (1.0 - corner.y * corner.y) * there * 0.30);
}
