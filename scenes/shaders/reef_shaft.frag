#version 330
uniform vec3 grade;
uniform vec4 moves;
uniform sampler2D cloud_map;
in vec3 at;
in vec3 light;
out vec4 colour;
void main() {
    float edge = 1.0 - at.x * at.x;
    float fine = texture(cloud_map, vec2(at.x * 0.10 + at.z, moves.y * 0.006 + at.z * 0.3)).r;
    float strong = edge * edge * smoothstep(0.25, 0.8, fine) * smoothstep(0.0, 0.35, at.y) * (0.35 + 0.65 * at.y) * (1.0 - smoothstep(0.9, 1.0, at.y));
    vec3 c = light * strong * 0.24 * grade;
    colour = vec4(sqrt(c / (1.0 + c)) * min(sqrt(c) * 2.2, vec3(1.0)), 1.0);
}
