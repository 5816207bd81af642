#version 330
uniform mat4 p3d_ViewProjectionMatrix;
uniform vec4 lamps[8];       // the flame: x, y, z; how strongly it shines
uniform vec4 ripples;
uniform vec2 haze;
in vec3 vertex;              // corner x, y; which lantern
in float mirrored;           // 0 the halo, 1 its path on the water
out vec2 corner;
out vec3 own;                // strength, mirrored, which
void main() {
    vec4 mine = lamps[int(vertex.z + 0.5)];
    vec2 look = mine.xy / length(mine.xy);
    vec3 side = vec3(look.y, -look.x, 0.0);
    corner = vertex.xy;
    own = vec3(mine.w, mirrored, vertex.z);
    float high = mine.z + 1.45;
    float reach = 0.42 + 5.0 * ripples.x;
    vec3 at = mirrored > 0.5
        ? vec3(mine.xy, -1.45 - high) + side * vertex.x * (0.30 + 0.9 * ripples.x) + vec3(0.0, 0.0, vertex.y * reach * (1.0 + high))
        : mine.xyz + side * vertex.x * 1.5 + vec3(0.0, 0.0, vertex.y * 1.5);
    gl_Position = p3d_ViewProjectionMatrix * vec4(at, 1.0);
}
