#version 330
uniform vec3 grade;
uniform sampler2D band_map;
uniform vec4 stars;
in vec2 at;
in float up_share;
out vec4 colour;
void main() {
    vec3 c = texture(band_map, at).rgb;
    c = c * c * 0.36 * stars.x * stars.x * (1.0 - 0.75 * stars.z) * smoothstep(0.02, 0.35, up_share) * min(grade, vec3(1.7));
    colour = vec4(sqrt(c) * min(sqrt(c) * 3.2, vec3(1.0)), 1.0);
}
