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
in vec3 light;
in vec3 netted;
in vec4 far;
in vec3 place;
in float bent;
out vec4 colour;
void main() {
    float grain = texture(GRAIN, place.xy * 0.43).r;
#ifdef SAND
    float turn = place.y * 17.0 + bent;
    float wide = fwidth(turn) * 0.6;
    float seen = 1.0 / (1.0 + wide * wide * wide);
    float shade = 0.84 + 0.12 * seen * sin(turn) + 0.28 * (grain - 0.5);
#else
    float shade = 0.55 + 0.9 * grain;
#endif
    vec3 c = light * shade + netted * net(place.xy, moves.y);
    colour = vec4(shown(mix(c, far.rgb, far.a)), 1.0);
}
