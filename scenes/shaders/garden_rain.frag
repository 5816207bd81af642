#version 330
#include "ocean_common.glsl"
uniform vec3 rain_light;
in vec2 corner;
in float there;
out vec4 colour;
void main() {
    colour = vec4(shown(rain_light), (1.0 - abs(corner.x)) * (1.0 - corner.y * corner.y) * there * 0.30);
}
