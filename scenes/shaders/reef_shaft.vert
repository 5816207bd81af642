#version 330
#include "reef_sea.glsl"
uniform mat4 p3d_ViewProjectionMatrix;
in vec3 vertex;              // where it meets the sand
in vec4 beam;                // side −1, 1; share up; half width; own phase
out vec3 at;
out vec3 light;
void main() {
    vec2 look = normalize(vertex.xy);
    vec3 along = lamp.xyz / max(lamp.z, 0.4);
    float sway = 0.35 * sin(moves.y * 0.11 + beam.w);
    vec3 where = vertex + along * beam.y * 8.4;
    where.xy += vec2(look.y, -look.x) * (beam.x * beam.z * (1.25 - 0.5 * beam.y) + sway);
    at = vec3(beam.x, beam.y, beam.w);
    light = lamp_colour * lamp.w * exp(-length(vertex.xy) * murk * 0.6) * (1.0 + moves.w);
    gl_Position = p3d_ViewProjectionMatrix * vec4(where, 1.0);
}
