#version 330
uniform vec3 grade;
uniform sampler2D cloud_map;
uniform vec4 shafts;         // colour, and the turn of what moves in the crowns
in vec2 at;
flat in float which;
out vec4 colour;
void main() {
    float edge = at.x * (1.0 - at.x) * 4.0;
    float leaves = texture(cloud_map, vec2(at.x * 0.10 + which * 0.37 + shafts.w, which * 0.19 + shafts.w * 0.6)).r;
    float dust = texture(cloud_map, vec2(at.x * 0.2 + which, at.y * 0.25 - shafts.w * 0.8)).r;
    float light = edge * edge * smoothstep(0.25, 0.75, leaves) * (0.65 + 0.35 * dust) * smoothstep(0.0, 0.25, at.y) * smoothstep(1.0, 0.55, at.y);
    vec3 c = shafts.rgb * light * grade;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    colour = vec4(sqrt(c) * min(sqrt(c) * 2.2, vec3(1.0)), 1.0);
}
