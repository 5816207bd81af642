#version 330
uniform vec3 grade;
in vec2 corner;
in vec3 light;
out vec4 colour;
void main() {
    float fall = max(1.0 - dot(corner, corner), 0.0);
    colour = vec4(sqrt(light * min(grade, vec3(1.6))) * fall * fall, 1.0);
}
