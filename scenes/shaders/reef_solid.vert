#version 330
#include "reef_sea.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
in vec3 vertex;
in vec3 normal;
in vec4 paint;               // colour, and 1 where it is sand
out vec3 light;
out vec3 netted;             // what the net of light adds
out vec4 far;
out vec3 place;
void main() {
    float away = length(vertex);
    vec3 near = kept(away);
    light = lit(paint.rgb, normal) * near;
    netted = paint.rgb * near * lamp_colour * lamp.w * clamp(normal.z * 1.3 + 0.1, 0.0, 1.0);
    far = vec4(sea(vertex / away), lost(away));
    place = vec3(vertex.xy + lamp.xy * (-vertex.z), paint.w);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
