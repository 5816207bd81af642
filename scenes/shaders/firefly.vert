#version 330
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ViewMatrix;
uniform float pixel_tan;
uniform vec4 flies;          // turn of their drift, how far they have risen, brightness, how far they stray
in vec3 vertex;              // home
in vec4 fly;                 // corner x, y; own phase; own strength
out vec2 corner;
out float shine;
void main() {
    corner = fly.xy;
    float turn = 6.2831853 * (flies.x + fly.z);
    vec3 at = vertex + flies.w * vec3(0.5 * sin(turn + fly.z * 40.0), 0.4 * cos(turn + fly.z * 71.0), 0.22 * sin(turn * 2.0 + fly.z * 23.0));
    at.z += flies.y * (0.5 + fly.w);
    vec4 seen = p3d_ViewMatrix * vec4(at, 1.0);
    float size = max(0.055, -seen.z * pixel_tan * 2.4);
    shine = flies.z * (0.45 + 0.55 * fly.w) * (0.75 + 0.25 * sin(turn + fly.z * 57.0));
    seen.xy += fly.xy * size;
    gl_Position = p3d_ProjectionMatrix * seen;
}
