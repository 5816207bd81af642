#version 330
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
uniform sampler2D cloud_map;
uniform vec3 grade;
uniform vec2 drift_along;    // of the rays, of the slow folds
uniform vec4 aurora;         // brightness, how far it sways, turn of its sway, how high it reaches
in vec3 vertex;              // across, along, and above the eye, in units of the lower edge's height
in vec2 weave;               // along the curtain, and up it 0 … 1
in float own;
out vec2 rays_at;            // where in the picture of rays
out float lower;             // above the lower edge, which the folds move
out vec3 hue;                // its light where it is brightest
void main() {
    vec3 p = vertex;
    float turn = aurora.z * 6.2831853;
    p.y += aurora.y * (0.34 * sin(turn + p.x * 0.9 + own * 2.1) + 0.16 * sin(turn * 2.0 + p.x * 2.3 + own));
    p.x += aurora.y * 0.22 * sin(turn + p.y * 1.1 + own * 4.0);
    p.z = 1.0 + (p.z - 1.0) * aurora.w;
    vec3 way = normalize(p);
    rays_at = vec2(weave.x * 1.9 + drift_along.x + own * 0.31, 0.11 + own * 0.23 + weave.y * 0.012);
    float folds = textureLod(cloud_map, vec2(weave.x * 0.35 - drift_along.y, 0.63 + own * 0.17), 0.0).r;
    float ends = smoothstep(0.0, 0.16, weave.x) * smoothstep(1.0, 0.84, weave.x);
    lower = weave.y - 0.10 * folds;
    hue = mix(vec3(0.10, 0.95, 0.42), vec3(0.10, 0.55, 0.62), smoothstep(0.05, 0.45, weave.y));
    hue = mix(hue, vec3(0.42, 0.16, 0.66), smoothstep(0.30, 0.85, weave.y));
    hue *= smoothstep(0.22, 0.72, folds) * smoothstep(1.0, 0.55, weave.y);
    hue *= (ends * aurora.x * smoothstep(0.0, 0.10, way.z)) * grade;
    vec4 place = p3d_ProjectionMatrix * vec4(mat3(p3d_ModelViewMatrix) * way, 1.0);
    gl_Position = vec4(place.xy, place.w * 0.999997, place.w);
}
