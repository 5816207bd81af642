#version 330
uniform mat4 p3d_ProjectionMatrix;
uniform mat4 p3d_ModelViewMatrix;
uniform vec4 aurora;         // brightness, how far it sways, turn of its sway, how high it reaches
in vec3 vertex;              // across, along, and above the eye, in units of the lower edge's height
in vec2 weave;               // along the curtain, and up it 0 … 1
in float own;
out vec2 at;
out float edge_on;
out float up_share;
flat out float which;
void main() {
    at = weave;
    which = own;
    vec3 p = vertex;
    float turn = aurora.z * 6.2831853;
    p.y += aurora.y * (0.34 * sin(turn + p.x * 0.9 + own * 2.1) + 0.16 * sin(turn * 2.0 + p.x * 2.3 + own));
    p.x += aurora.y * 0.22 * sin(turn + p.y * 1.1 + own * 4.0);
    p.z = 1.0 + (p.z - 1.0) * aurora.w;
    vec3 way = normalize(p);
    up_share = way.z;
    vec4 place = p3d_ProjectionMatrix * vec4(mat3(p3d_ModelViewMatrix) * way, 1.0);
    gl_Position = vec4(place.xy, place.w * 0.999997, place.w);
}
