#version 330
#include "ocean_env.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform sampler2D sky_map;
uniform vec3 land;           // its own colour under this sky
uniform vec2 haze;
uniform vec4 mist;
in vec3 vertex;
in float over;               // metres above the ridge's edge (below it: negative)
out float edge;
out vec3 light;
void main() {
    edge = over;
    float away = length(vertex.xy);
    vec3 air = textureLod(sky_map, env_at(vec3(vertex.xy / away, 0.004)), 0.0).rgb;
    float low = exp(-max(vertex.z + 1.2, 0.0) / (0.012 * away));
    float hidden = 1.0 - exp(-away * haze.x * (0.7 + 0.75 * low));
    float misty = mist.a * (1.0 - exp(-away * haze.y)) * (0.62 + 0.38 * low);
    light = film(mix(mix(land, air, hidden), mist.rgb, misty));
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
