// The parabola through three colours at `x`, as coefficients: what a display is given bends little, so three
// vertices' worth of it spares each pixel the coding.
void through(vec3 x, vec3 a, vec3 b, vec3 c, out vec3 curve[3]) {
    vec3 first = (b - a) / (x.y - x.x), second = (c - b) / (x.z - x.y);
    curve[2] = (second - first) / (x.z - x.x);
    curve[1] = first - curve[2] * (x.x + x.y);
    curve[0] = a - x.x * (curve[1] + x.x * curve[2]);
}
