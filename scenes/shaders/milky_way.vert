#version 330
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
in vec3 vertex;
in vec2 weave;
out vec2 at;
out float up_share;
void main() {
    at = weave;
    up_share = vertex.z;
    vec4 place = p3d_ProjectionMatrix * vec4(mat3(p3d_ModelViewMatrix) * vertex, 1.0);
    gl_Position = vec4(place.xy, place.w * 0.999998, place.w);
}
