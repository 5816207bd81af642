#version 330
#include "reef_sea.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform mat4 p3d_ViewMatrixInverse;
in vec3 vertex;
out vec3 to_point;
out vec2 place;
out vec2 off_lamp;           // how far beside the lamp one looks, at a height of 1
out vec4 far;
void main() {
    to_point = vertex - p3d_ViewMatrixInverse[3].xyz;
    place = vertex.xy;
    off_lamp = to_point.xy / max(to_point.z, 0.05) - lamp.xy / max(lamp.z, 0.05);
    float away = length(to_point);
    far = vec4(sea(to_point / away), lost(away * 0.8));
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
