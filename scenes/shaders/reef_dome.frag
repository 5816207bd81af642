#version 330
#include "ocean_common.glsl"
in vec3 light;
out vec4 colour;
void main() { colour = vec4(light + grain(), 1.0); }
