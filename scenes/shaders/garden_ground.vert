#version 330
#include "garden_air.glsl"
#include "ocean_film.glsl"
#include "parabola.glsl"
uniform sampler2D cloud_map;
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform float wet;
in vec3 vertex;
in vec3 normal;
in vec3 kind;                // share of moss, warmth of the breathing lantern, of the others
out vec2 place;
#ifndef GRAVEL
out vec3 green[3];           // moss by its grain g, as a display is given it: green[0] + g (green[1] + g green[2])
#endif
#ifndef MOSS
out vec3 gravel[3];          // gravel by what grain and furrows leave of the light
out vec2 bow;                // how light falls across the furrows
out float moss;
#endif

void main() {
    place = vertex.xy;
    vec3 light = lit(vec3(1.0), normal, kind.yz), seen[3];
    float hidden = misty(length(vertex.xy), vertex.z);
#ifndef GRAVEL
    float coarse = textureLod(cloud_map, vertex.xy * 0.11, 2.0).r;
    vec3 grains = vec3(0.1, 0.5, 0.9);
    for (int i = 0; i < 3; i++) {
        float young = clamp(coarse * 1.5 - 0.25 + (grains[i] - 0.5) * 0.5, 0.0, 1.0);
        vec3 c = mix(vec3(0.055, 0.115, 0.028), vec3(0.135, 0.185, 0.045), young) * (0.55 + 0.9 * grains[i]);
        seen[i] = film(mix(c * light, mist.rgb, hidden));
    }
    through(grains, seen[0], seen[1], seen[2], green);
#endif
#ifndef MOSS
    vec3 left = vec3(0.35, 0.85, 1.5);
    vec3 grey = mix(vec3(0.40, 0.39, 0.38), vec3(0.30, 0.30, 0.30), wet * 0.7);
    for (int i = 0; i < 3; i++) seen[i] = film(mix(grey * left[i] * light, mist.rgb, hidden));
    through(left, seen[0], seen[1], seen[2], gravel);
    bow = vec2(0.30, 0.30 + 0.25 * lamp.w * max(lamp.y, 0.0));
    moss = kind.x;
#endif
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
