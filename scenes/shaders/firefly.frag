#version 330
uniform vec3 grade;
in vec2 corner;
in float shine;
out vec4 colour;
void main() {
    float r = dot(corner, corner);
    float fall = max(1.0 - r, 0.0);
    vec3 c = vec3(1.5, 1.15, 0.35) * (0.35 * fall * fall + 2.2 * exp(-r * 22.0)) * shine * grade;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    colour = vec4(sqrt(c) * min(fall * 2.0, 1.0), 1.0);
}
