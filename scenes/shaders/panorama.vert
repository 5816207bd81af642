#version 330
uniform mat4 p3d_ModelViewProjectionMatrix;
in vec3 vertex;
in vec2 weave;
out vec2 uv;
out vec3 air_way;
void main() {
    uv = weave;
    air_way = vec3(normalize(vertex.xy), 0.05);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
