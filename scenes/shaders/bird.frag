#version 330
#include "ocean_common.glsl"
uniform vec3 bird_colour;
in float there;
out vec4 colour;
void main() {
    colour = vec4(shown(bird_colour), there * 0.9);
}
