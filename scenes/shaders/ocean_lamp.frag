#version 330
uniform vec3 grade;
uniform vec4 mist;
uniform vec4 lamp_colour;    // linear, and how strong
uniform vec4 lamp_shape;     // disc's radius as a share of the card, its softness, halo's fall, moon's maria
uniform sampler2D cloud_map;
in vec2 corner;
in float up_share;
out vec4 colour;
void main() {
    float r = length(corner);
    float soft = max(fwidth(r), lamp_shape.y);
    float disc = clamp((lamp_shape.x - r) / soft + 0.5, 0.0, 1.0);
    float rim = max(1.0 - r, 0.0);
    float halo = rim * rim * (0.34 * exp(-r * lamp_shape.z) + 0.05);
    float maria = texture(cloud_map, corner * 0.9 / lamp_shape.x * 0.12 + 0.2).r;
    vec3 face = vec3(1.0 - lamp_shape.w * smoothstep(0.35, 0.75, maria));
    float above = smoothstep(-0.004, 0.012, up_share);
    vec3 c = lamp_colour.rgb * (disc * face + halo) * lamp_colour.a * grade * (1.0 - 0.62 * mist.a * mist.a);
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    colour = vec4(sqrt(c) * above * (disc + (1.0 - disc) * min(rim * 1.6, 1.0)), 1.0);
}
