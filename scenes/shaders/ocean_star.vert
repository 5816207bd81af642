#version 330
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
uniform vec4 stars;          // how many are out, turn of their slow breathing, veil of mist, pixel's tangent
uniform float pixel_tan;
in vec3 vertex;
in vec4 star;                // corner x, y; rank 0 brightest … 1; own phase
in vec3 hue;
out vec2 corner;
out vec3 light;
void main() {
    corner = star.xy;
    float share = clamp((stars.x * 1.25 - star.z) * 4.0, 0.0, 1.0);
    float bright = 1.5 * pow(1.0 - star.z, 3.0) + 0.10;
    bright *= 0.92 + 0.08 * sin(6.2831853 * (star.w + stars.y));
    bright *= smoothstep(0.02, 0.2, vertex.z) * (1.0 - stars.z * (1.0 - vertex.z));
    light = hue * bright * share;
    float size = max(pixel_tan, 0.0011) * (1.15 + 0.75 * pow(1.0 - star.z, 3.0));
    vec3 side = normalize(cross(vertex, vec3(0.0, 0.0, 1.0)));
    vec3 up = cross(side, vertex);
    vec3 way = vertex + (side * star.x + up * star.y) * size;
    vec4 at = p3d_ProjectionMatrix * vec4(mat3(p3d_ModelViewMatrix) * way, 1.0);
    gl_Position = vec4(at.xy, at.w * 0.999998, at.w);
}
