#version 330
#include "ocean_common.glsl"
uniform sampler2D leaf_map;
uniform vec4 mist;
in vec2 at;
in vec3 light;
in float hidden;
out vec4 colour;
void main() {
    vec2 leaf = texture(leaf_map, at).ra;
    colour = vec4(shown(mix(light * (0.35 + leaf.x), mist.rgb, hidden)), leaf.y);
}
