#version 330
#include "ocean_common.glsl"
#ifdef WHOLE
#define OPACITY 1.0
#else
#define OPACITY land.a
#endif
uniform vec4 mist;
#include "panorama.glsl"
in vec2 uv;
in vec3 air;
out vec4 colour;
void main() {
    vec4 land = land_at(uv, air, mist);
    colour = vec4(shown(land.rgb), OPACITY);
}
