#version 330
uniform mat4 p3d_ViewProjectionMatrix;
uniform vec4 lanterns[24];   // x, y, height of its water line, brightness
uniform vec2 haze;
uniform float ripple;        // waves' slope in rms
in vec3 vertex;              // corner x, y; which lantern
in float mirrored;           // 0 the lantern, 1 its reflection
out vec2 corner;             // metres from its water line
out float shine;
out float away;
out float is_mirrored;
flat out vec2 own;
void main() {
    vec4 mine = lanterns[int(vertex.z + 0.5)];
    away = length(mine.xy);
    vec2 look = mine.xy / away;
    vec3 side = vec3(look.y, -look.x, 0.0);
    is_mirrored = mirrored;
    corner = mirrored > 0.5
        ? vec2(vertex.x * (0.55 + away * 0.004), (vertex.y * 0.5 - 0.5) * (1.1 + away * (0.06 + 1.1 * ripple)))
        : vec2(vertex.x * 1.5, vertex.y * 1.5 + 0.25);
    own = vec2(vertex.z, 1.1 + away * (0.06 + 1.1 * ripple));
    shine = mine.w * exp(-away * haze.y * 0.45);
    vec3 at = vec3(mine.xy, mine.z) + side * corner.x + vec3(0.0, 0.0, corner.y);
    gl_Position = p3d_ViewProjectionMatrix * vec4(at, 1.0);
}
