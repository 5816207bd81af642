#version 330
#include "garden_air.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
in vec3 vertex;
in vec3 normal;
in vec4 kind;                // share of moss, warmth of the breathing lantern, of the others; how light the moss is
out vec2 place;
out float moss;
out vec3 light;              // on white
out float hidden;
out float coarse;            // how light the moss is round about
flat out vec2 bow;                // how light falls across the furrows
void main() {
    place = vertex.xy;
    moss = kind.x;
    light = lit(vec3(1.0), normal, kind.yz);
    coarse = kind.w;
    hidden = misty(length(vertex.xy), vertex.z);
    bow = vec2(0.30, 0.30 + 0.25 * lamp.w * max(lamp.y, 0.0));
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
