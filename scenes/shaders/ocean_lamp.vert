#version 330
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
uniform vec4 lamp_at;        // direction, and the sine of its card's half-width
in vec3 vertex;              // corner x, y
out vec2 corner;
out float up_share;
void main() {
    corner = vertex.xy;
    vec3 side = normalize(cross(lamp_at.xyz, vec3(0.0, 0.0, 1.0)));
    vec3 up = cross(side, lamp_at.xyz);
    vec3 way = lamp_at.xyz + (side * vertex.x + up * vertex.y) * lamp_at.w;
    up_share = way.z;
    vec4 at = p3d_ProjectionMatrix * vec4(mat3(p3d_ModelViewMatrix) * way, 1.0);
    gl_Position = vec4(at.xy, at.w * 0.999998, at.w);
}
