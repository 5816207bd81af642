#version 330
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform float pixel_tan;
uniform vec4 flock;          // time, how many are there, day
in vec3 vertex;              // middle of the arc
in vec3 wing;                // along the span −1 … 1, along the chord −½ … ½, length of a wing
in vec4 own;                 // radius of the arc, own phase, rounds in 7200 s, which
out float there;
void main() {
    float turn = 6.2831853 * (own.y + flock.x * own.z / 7200.0);
    vec2 spot = vec2(cos(turn), sin(turn));
    vec3 at = vertex + vec3(own.x * spot.x, 0.6 * own.x * spot.y, 0.06 * own.x * sin(2.0 * turn + own.y * 40.0));
    vec2 ahead = normalize(vec2(-spot.y, 0.6 * spot.x)) * sign(own.z);
    float away = length(at);
    float size = max(wing.z, away * pixel_tan * 3.2);
    // mostly they glide; in each turn there are two spells of slow beats
    float spell = smoothstep(0.55, 0.85, sin(2.0 * turn + own.y * 17.0));
    float beat = 0.22 + 0.20 * spell * sin(6.2831853 * (flock.x * 0.75 + own.y * 9.0));
    float s = wing.x;
    float chord = 0.34 * (1.0 - 0.85 * abs(s)) + 0.10 * (1.0 - smoothstep(0.0, 0.22, abs(s)));
    vec2 side = vec2(ahead.y, -ahead.x);
    vec3 p = at + size * vec3(side * s * 0.94 + ahead * (wing.y * chord - 0.16 * s * s), beat * abs(s) - 0.10 * s * s);
    p.z += size * 0.22 * s * sign(own.z);      // it leans into its arc
    there = flock.z * clamp(flock.y - own.w, 0.0, 1.0);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(p, 1.0);
}
