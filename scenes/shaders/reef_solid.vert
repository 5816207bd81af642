#version 330
#include "reef_sea.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform sampler2D mottle_map;
in vec3 vertex;
in vec3 normal;
in vec3 paint;
out vec3 light;
out vec3 netted;             // what the net of light adds
out vec4 far;
out vec2 place;
out float bent;              // how the ripples in the sand wind
void main() {
    float away = length(vertex);
    vec3 near = kept(away);
    light = lit(paint, normal) * near;
    netted = paint * near * lamp_colour * lamp.w * clamp(normal.z * 1.3 + 0.1, 0.0, 1.0);
    far = vec4(sea(vertex / away), lost(away));
    place = vertex.xy + lamp.xy * (-vertex.z);
    bent = 0.0;
#if defined(SAND) && !defined(FAR)
    bent = 2.4 * sin(place.x * 0.9 + 3.0 * textureLod(mottle_map, place * 0.05, 0.0).r);
#endif
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
