#version 330
#include "reef_sea.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
in vec3 vertex;
out vec3 light;
void main() {
    vec3 way = normalize(vertex);
    light = film(sea(way));
    vec4 at = p3d_ProjectionMatrix * vec4(mat3(p3d_ModelViewMatrix) * way, 1.0);
    gl_Position = vec4(at.xy, at.w * 0.999999, at.w);
}
