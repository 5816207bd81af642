#version 330
#include "garden_air.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform mat4 p3d_ViewMatrixInverse;
in vec3 vertex;
in vec2 warm;
out vec3 to_point;
out vec2 place;
out float hidden;
void main() {
    to_point = vertex - p3d_ViewMatrixInverse[3].xyz;
    place = vertex.xy;
    hidden = misty(length(vertex.xy), vertex.z);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
