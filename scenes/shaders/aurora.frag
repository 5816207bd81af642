#version 330
uniform sampler2D cloud_map;
in vec2 rays_at;
in float lower;
in vec3 hue;
out vec4 colour;
void main() {
    float rays = texture(cloud_map, rays_at).r;
    float rise = clamp(lower * 7.6923077, 0.0, 1.0);
    rise *= rise * (3.0 - 2.0 * rise);
    float light = rise * exp(-max(lower, 0.0) * (3.9 - 2.6 * rays)) * (0.25 + 1.2 * rays * rays);
    vec3 c = hue * light;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    colour = vec4(min(c * 2.4, sqrt(c)), 1.0);
}
