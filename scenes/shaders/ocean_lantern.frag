#version 330
uniform vec3 grade;
uniform float ripple;
uniform float water_s;
uniform vec3 glow;           // the lantern's light, linear
in vec2 corner;
in float shine;
in float away;
in float is_mirrored;
flat in vec2 own;
out vec4 colour;
void main() {
    vec3 c;
    float solid = 0.0;
    if (is_mirrored > 0.5) {
        float down = -corner.y;
        float turn = own.x * 2.4;
        float bend = sin(down * 9.0 + water_s * 1.3 + turn) * 0.6 + sin(down * 21.0 - water_s * 1.9 + turn * 3.0) * 0.4;
        float wide = 0.13 + 0.05 * down + ripple * 0.5;
        float x = (corner.x + bend * ripple * (0.35 + 0.5 * down)) / wide;
        float bands = 0.72 + 0.28 * sin(down * 13.0 + bend * 1.5 - water_s * 0.9 + turn * 5.0);
        float fade = max(1.0 - down / own.y, 0.0);
        c = glow * shine * exp(-x * x * 1.4) * fade * fade * bands * 0.55;
        c *= 1.0 - smoothstep(0.8, 1.0, abs(corner.x) / (0.55 + away * 0.004));
    } else {
        vec2 p = corner - vec2(0.0, 0.19);
        float wide = 0.115 * (1.0 - 7.0 * p.y * p.y) + 0.035 * p.y;
        vec2 q = vec2(abs(p.x) - wide, abs(p.y) - 0.16) + 0.04;
        float d = length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - 0.04;
        solid = clamp(0.5 - d / max(fwidth(d), 1e-4), 0.0, 1.0);
        vec2 flame = (corner - vec2(0.0, 0.11)) * vec2(1.0, 0.7);
        float heart = exp(-dot(flame, flame) * 75.0);
        vec3 paper = glow * mix(vec3(0.95, 0.62, 0.42), vec3(2.6, 3.0, 3.6), heart);
        paper *= 1.0 - 0.35 * smoothstep(0.26, 0.36, corner.y);
        float r = length(corner - vec2(0.0, 0.25));
        float rim = max(1.0 - r / 1.5, 0.0);
        float halo = rim * rim * (0.5 * exp(-r * 4.2) + 0.035);
        c = mix(glow * halo * step(-0.02, corner.y + 0.6), paper, solid) * shine;
        c *= mix(smoothstep(-0.5, 0.05, corner.y), 1.0, solid);
    }
    c *= grade;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    // Added light is laid over in display coding, softly: less where the place is bright already.
    colour = vec4(mix(sqrt(c) * min(sqrt(c) * 1.8, vec3(1.0)), sqrt(c), solid), solid);
}
