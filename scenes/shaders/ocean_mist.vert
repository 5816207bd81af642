#version 330
#include "ocean_film.glsl"
uniform vec4 mist;
uniform mat4 p3d_ModelViewProjectionMatrix;
in vec3 vertex;
in vec2 weave;               // along the bank, and up it (0 … 1)
out vec2 at;
out float away;
flat out vec3 light;
void main() {
    light = film(mist.rgb * 1.12);
    at = weave;
    away = length(vertex.xy);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
