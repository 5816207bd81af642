#version 330
uniform mat4 p3d_ModelViewProjectionMatrix;
in vec3 vertex;
in vec2 weave;               // across 0 … 1, down 0 … 1
in float own;
out vec2 at;
flat out float which;
void main() {
    at = weave;
    which = own;
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
