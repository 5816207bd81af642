#version 330
#include "garden_air.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform mat4 p3d_ViewMatrixInverse;
uniform vec4 ripples;
in vec3 vertex;
in vec3 normal;
in vec4 paint;               // colour, and how much its grain shows
in vec4 shine;               // warmth of the breathing lantern, of the others; own light of each
out vec3 light;
out vec3 grain_at;
out float hidden;
out float clear;
void main() {
    vec3 at = vertex;
    light = lit(paint.rgb, normal, shine.xy) + FLAME * vec3(1.0, 1.06, 1.1) * dot(shine.zw, glow) * 1.5;
    grain_at = vec3(vertex.xy * 0.9 + vertex.z * vec2(0.7, 0.4), paint.w);
    hidden = misty(length(vertex.xy), vertex.z);
    clear = 1.0;
#ifdef MIRROR
    at.z = 2.0 * WATER - vertex.z;
    vec3 eye = p3d_ViewMatrixInverse[3].xyz;
    float deep = max(WATER - at.z, 0.0);
    at.x += deep * ripples.x * 5.0 * sin(at.z * 9.0 + ripples.w * 1.7 + at.x * 2.0);
    float facing = clamp(-normalize(at - eye).z, 0.0, 1.0);
    float c = 1.0 - facing;
    clear = min(0.25 + 0.85 * c * c * c, 1.0) * (1.0 - 0.25 * min(deep, 1.5)) * smoothstep(0.0, 0.04, vertex.z - WATER + 0.02);
#endif
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(at, 1.0);
}
