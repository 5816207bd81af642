#version 330
#include "ocean_common.glsl"
#include "reef_net.glsl"
#ifdef CLOSE
uniform sampler2D close_cloud_map;
#define GRAIN close_cloud_map
#else
uniform sampler2D cloud_map;
#define GRAIN cloud_map
#endif
uniform vec4 moves;
in vec3 place;
#ifdef SAND
in vec3 netted[3];
in vec3 shaded;
in float bent;
#else
in vec3 light;
in vec3 netted;
in vec4 far;
#endif
out vec4 colour;
void main() {
    float rough = texture(GRAIN, place.xy * 0.43).r;
    float bright = net(place.xy, moves.y);
#ifdef SAND
    float turn = place.y * 17.0 + bent;
    float wide = fwidth(turn) * 0.6;
    float seen = 1.0 / (1.0 + wide * wide * wide);
    float shade = 0.12 * seen * sin(turn) + 0.28 * (rough - 0.5);
    colour = vec4(netted[0] + bright * (netted[1] + bright * netted[2]) + shade * shaded + grain(), 1.0);
#else
    vec3 c = light * (0.55 + 0.9 * rough) + netted * bright;
    colour = vec4(shown(mix(c, far.rgb, far.a)), 1.0);
#endif
}
