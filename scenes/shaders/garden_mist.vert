#version 330
#include "ocean_film.glsl"
uniform vec4 mist;
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform vec4 veil;           // how high it stands (share), how thick, drift, 0
in vec3 vertex;
in vec3 weave;               // along, up (0 … 1), its tallest
out vec2 at;
out float own;
flat out vec3 light;
void main() {
    light = film(mist.rgb * 1.1);
    at = weave.xy;
    own = length(vertex.xy);
    vec3 high = vertex + vec3(0.0, 0.0, weave.y * weave.z * veil.x);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(high, 1.0);
}
