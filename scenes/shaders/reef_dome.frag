#version 330
#include "ocean_common.glsl"
#include "reef_sea.glsl"
in vec3 way;
out vec4 colour;
void main() { colour = vec4(shown(sea(normalize(way))), 1.0); }
