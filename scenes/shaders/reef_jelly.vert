#version 330
#include "reef_sea.glsl"
uniform mat4 p3d_ViewProjectionMatrix;
uniform mat4 p3d_ViewMatrixInverse;
uniform vec4 jellies[3];     // x, y, z of the crown's middle; size
uniform vec4 bell;           // how open (0 … 1), how it glows, 0, 0
in vec3 vertex;              // bell: crown to hem, round, which. threads: share down, side, which
in vec2 thread;              // threads: radians round, length
out vec4 look_at;            // crown to hem, round, thread's side, away
out float rim;
out vec4 far;
const float HEM = 1.72;
vec3 shape(float u, float a, float open) {
    float r = mix(0.46, 0.70, open) * sin(u * HEM) * (1.0 + 0.03 * cos(a * 8.0) * u * u);
    float z = mix(0.50, 0.36, open) * cos(u * HEM);
    return vec3(r * cos(a), r * sin(a), z);
}
void main() {
    vec4 mine = jellies[int(vertex.z + 0.5)];
    float open = bell.x;
    float t = moves.y;
    vec3 local;
    vec3 n = vec3(0.0, 0.0, 1.0);
    look_at = vec4(vertex.x, vertex.y, 0.0, 0.0);
#ifdef THREAD
    float a = thread.x;
    float inner = fract(a * 1.91) < 0.4 ? 0.35 : 0.94;
    local = shape(inner, a, open) + vec3(0.0, 0.0, -vertex.x * thread.y * mix(1.06, 0.94, open));
    vec2 wave = vec2(sin(t * 0.55 - vertex.x * 4.2 + a * 3.0), sin(t * 0.47 - vertex.x * 3.6 + a * 5.0));
    local.xy += wave * 0.13 * vertex.x - local.xy * 0.35 * vertex.x;
    look_at = vec4(vertex.x, a, vertex.y, 1.0);
#else
    local = shape(vertex.x, vertex.y, open);
    vec3 du = shape(vertex.x + 0.01, vertex.y, open) - local;
    vec3 da = shape(vertex.x, vertex.y + 0.05, open) - local;
    n = vertex.x < 0.005 ? n : normalize(cross(du, da));
#endif
    local.xy += 0.04 * vec2(sin(t * 0.23), cos(t * 0.19));
    vec3 at = mine.xyz + local * mine.w;
    vec3 v = at - p3d_ViewMatrixInverse[3].xyz;
    float away = length(v);
#ifdef THREAD
    vec2 look = v.xy / length(v.xy);
    at.xy += vec2(look.y, -look.x) * vertex.y * (inner < 0.5 ? 0.035 : 0.011) * mine.w * (1.0 - 0.7 * vertex.x);
#endif
    rim = 1.0 - abs(dot(n, v / away));
    far = vec4(sea(v / away), lost(away));
    gl_Position = p3d_ViewProjectionMatrix * vec4(at, 1.0);
}
