// Shared by all of the ocean's shaders. Colours are linear until `shown`.

uniform vec3 grade;          // brightness times the white of the place

// Film-like shoulder, display coding (gamma 2), and a fine still grain against banding.
vec3 shown(vec3 c) {
    c *= grade;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    float grain = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5;
    return sqrt(c) + grain * (1.5 / 255.0);
}
