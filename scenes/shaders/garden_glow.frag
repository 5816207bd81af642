#version 330
uniform vec3 grade;
uniform vec4 ripples;
in vec2 corner;
in vec3 own;
out vec4 colour;
void main() {
#ifdef MIRROR
    float t = ripples.w;
    float bend = sin(corner.y * 11.0 + t * 1.1 + own.z) * 0.6 + sin(corner.y * 23.0 - t * 1.7 + own.z * 3.0) * 0.4;
    float x = corner.x * 2.2 + bend * (0.15 + 5.0 * ripples.x);
    float y = 1.0 - corner.y * corner.y;
    float bands = 0.78 + 0.22 * sin(corner.y * 19.0 + bend - t * 0.8);
    float light = exp(-x * x) * y * y * bands * 0.75 * (1.0 - smoothstep(0.8, 1.0, abs(corner.x)));
#else
    float r = length(corner);
    float rim = max(1.0 - r, 0.0);
    float light = rim * rim * (0.60 * exp(-r * 6.0) + 0.10);
#endif
    vec3 c = vec3(1.75, 0.80, 0.30) * light * own.x * grade;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    colour = vec4(sqrt(c) * min(sqrt(c) * 1.8, vec3(1.0)), 1.0);
}
