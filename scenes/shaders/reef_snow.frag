#version 330
#include "ocean_common.glsl"
in vec2 corner;
in vec4 light;
out vec4 colour;
void main() {
    float fall = max(1.0 - dot(corner, corner), 0.0);
    colour = vec4(shown(light.rgb), fall * light.a);
}
