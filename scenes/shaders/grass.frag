#version 330
in vec3 light;
out vec4 colour;
#ifdef BLADE
void main() { colour = vec4(light, 1.0); }
#else
#include "ocean_common.glsl"
uniform sampler2D cloud_map;
in vec2 place;
in vec4 far;
void main() {
    float patches = texture(cloud_map, place * 0.045).r - 0.5;
    float fine = texture(cloud_map, place * 0.61).r - 0.5;
    vec3 c = light * (1.0 + 0.75 * patches + 0.55 * fine);
    colour = vec4(shown(mix(c, far.rgb, far.a)), 1.0);
}
#endif
