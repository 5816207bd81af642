#version 330
#include "reef_sea.glsl"
#include "ocean_film.glsl"
#include "parabola.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform sampler2D cloud_map;
in vec3 vertex;
in vec3 normal;
in vec4 paint;               // colour, and 1 where it is sand
out vec3 place;
#ifdef SAND
out vec3 netted[3];          // by what the net of light adds, as a display is given it
out vec3 shaded;             // what more or less of its grain does to that
out float bent;              // how the ripples in the sand wind
#else
out vec3 light;
out vec3 netted;             // what the net of light adds
out vec4 far;
#endif
void main() {
    float away = length(vertex);
    vec3 near = kept(away);
    vec3 own = lit(paint.rgb, normal) * near;
    vec3 net = paint.rgb * near * lamp_colour * lamp.w * clamp(normal.z * 1.3 + 0.1, 0.0, 1.0);
    vec3 veil = sea(vertex / away);
    place = vec3(vertex.xy + lamp.xy * (-vertex.z), paint.w);
#ifdef SAND
    // few and large triangles: each spares many pixels the display's coding
    float hidden = lost(away);
    vec3 at = vec3(0.0, 0.7, 1.8), seen[3];
    for (int i = 0; i < 3; i++) seen[i] = film(mix(own * 0.84 + net * at[i], veil, hidden));
    through(at, seen[0], seen[1], seen[2], netted);
    vec3 dim = film(mix(own * 0.72 + net * 0.5, veil, hidden));
    shaded = (film(mix(own * 0.96 + net * 0.5, veil, hidden)) - dim) / 0.24;
    bent = 2.4 * sin(place.x * 0.9 + 3.0 * textureLod(cloud_map, place.xy * 0.05, 2.0).r);
#else
    light = own;
    netted = net;
    far = vec4(veil, lost(away));
#endif
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
