#version 330
#include "reef_sea.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform mat4 p3d_ViewMatrixInverse;
in vec3 vertex;
out vec3 way;                // unit, from the eye
out vec2 place;
out vec2 from_lamp;          // how far from where the light's mirror image would be on a flat surface
out vec4 far;
void main() {
    vec3 to_point = vertex - p3d_ViewMatrixInverse[3].xyz;
    place = vertex.xy;
    float away = length(to_point);
    way = to_point / away;
    from_lamp = way.xy / max(way.z, 0.05) - lamp.xy / max(lamp.z, 0.05);
    far = vec4(sea(way), lost(away * 0.8));
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
