#version 330
uniform vec3 grade;
uniform sampler2D cloud_map;
uniform vec4 aurora;
uniform vec2 drift_along;    // of the rays, of the slow folds
in vec2 at;
in float up_share;
flat in float which;
out vec4 colour;
void main() {
    float rays = texture(cloud_map, vec2(at.x * 1.9 + drift_along.x + which * 0.31, 0.11 + which * 0.23 + at.y * 0.012)).r;
    float folds = texture(cloud_map, vec2(at.x * 0.35 - drift_along.y, 0.63 + which * 0.17)).r;
    float lower = at.y - 0.10 * folds;
    float rise = smoothstep(0.0, 0.13, lower);
    float tall = 1.3 + 2.6 * (1.0 - rays);
    float fall = exp(-max(lower, 0.0) * tall) * smoothstep(1.0, 0.55, at.y);
    float light = rise * fall * (0.25 + 0.75 * rays * rays * 1.6) * smoothstep(0.22, 0.72, folds);
    float ends = smoothstep(0.0, 0.16, at.x) * smoothstep(1.0, 0.84, at.x);
    vec3 hue = mix(vec3(0.10, 0.95, 0.42), vec3(0.10, 0.55, 0.62), smoothstep(0.05, 0.45, at.y));
    hue = mix(hue, vec3(0.42, 0.16, 0.66), smoothstep(0.30, 0.85, at.y));
    vec3 c = hue * (light * ends * aurora.x * smoothstep(0.0, 0.10, up_share)) * grade;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    colour = vec4(sqrt(c) * min(sqrt(c) * 2.4, vec3(1.0)), 1.0);
}
