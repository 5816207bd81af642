#version 330
#include "reef_sea.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform sampler2D cloud_map;
in vec3 vertex;
in vec3 normal;
in vec4 paint;               // colour, and 1 where it is sand
out vec3 light;
out vec3 netted;             // what the net of light adds
out vec4 far;
out vec3 place;
out float bent;              // how the ripples in the sand wind
void main() {
    float away = length(vertex);
    vec3 near = kept(away);
    light = lit(paint.rgb, normal) * near;
    netted = paint.rgb * near * lamp_colour * lamp.w * clamp(normal.z * 1.3 + 0.1, 0.0, 1.0);
    far = vec4(sea(vertex / away), lost(away));
    place = vec3(vertex.xy + lamp.xy * (-vertex.z), paint.w);
    bent = 2.4 * sin(place.x * 0.9 + 3.0 * textureLod(cloud_map, place.xy * 0.05, 2.0).r);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
