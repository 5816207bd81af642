#version 330
#include "ocean_common.glsl"
uniform sampler2D cloud_map;
in vec3 light;
#ifndef BLADE
in vec2 place;
#endif
in vec4 far;
out vec4 colour;
void main() {
#ifdef BLADE
    vec3 c = light;
#else
    float patches = texture(cloud_map, place * 0.045).r - 0.5;
    float fine = texture(cloud_map, place * 0.61).r - 0.5;
    vec3 c = light * (1.0 + 0.75 * patches + 0.55 * fine);
#endif
    colour = vec4(shown(mix(c, far.rgb, far.a)), 1.0);
}
