#version 330
#include "ocean_common.glsl"
in vec3 light;
out vec4 colour;
void main() { colour = vec4(shown(light), 1.0); }
