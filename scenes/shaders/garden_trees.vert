#version 330
#include "garden_air.glsl"
#include "ocean_film.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
in vec3 vertex;
in vec2 weave;
out vec2 at;
out vec3 low_light;
out vec3 high_light;
void main() {
    at = weave;
    float away = length(vertex.xy);
    vec3 green = vec3(0.050, 0.068, 0.046) * (sky_light * 0.9 + FLAME * glow.y * 0.02);
    float fog = misty(away * 1.9, vertex.z - 2.0);
    low_light = film(mix(green * 0.8, mist.rgb, clamp(fog * 1.15 + 0.05, 0.0, 1.0)));
    high_light = film(mix(green * 1.7, mist.rgb, fog * 0.75));
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
