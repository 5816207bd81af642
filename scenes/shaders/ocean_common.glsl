// Shared by all of the ocean's shaders. Colours are linear until `shown`.

uniform vec3 grade;          // brightness times the white of the place

// Film-like shoulder, display coding (gamma 2), and a fine still grain against banding (an additive recurrence
// on two irrational numbers spreads as evenly as blue noise and costs one `fract`).
vec3 shown(vec3 c) {
    c *= grade;
    c = c * (1.0 + c * 0.05) / (1.0 + c);
    return sqrt(c) + (fract(dot(gl_FragCoord.xy, vec2(0.75487767, 0.56984029))) * (1.5 / 255.0) - 0.75 / 255.0);
}
