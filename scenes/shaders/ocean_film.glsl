// From linear light to what a display is given. Where light changes slowly, do this at the vertices.

uniform vec3 grade;          // brightness times the white of the place

// Film-like shoulder and display coding (gamma 2).
vec3 film(vec3 c) {
    c *= grade;
    return sqrt(c * (1.0 + c * 0.05) / (1.0 + c));
}
