#version 330
#include "ocean_common.glsl"
in vec3 light;
in vec4 far;
out vec4 colour;
void main() { colour = vec4(shown(mix(light, far.rgb, far.a)), 1.0); }
