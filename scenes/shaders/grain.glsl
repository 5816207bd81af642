// A fine still grain against banding: an additive recurrence on two irrational numbers spreads as evenly as blue
// noise and costs one `fract`.
float grain() { return fract(dot(gl_FragCoord.xy, vec2(0.75487767, 0.56984029))) * (1.5 / 255.0) - 0.75 / 255.0; }
