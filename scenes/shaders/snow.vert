#version 330
#include "ocean_env.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform sampler2D sky_map;
uniform vec3 land_sky;
uniform vec3 aurora_glow;    // what the curtains shed on the ground
uniform vec4 mist;
uniform vec2 haze;
in vec3 vertex;
in vec3 facing;
out vec2 place;
out vec3 light;
out vec4 far;
void main() {
    place = vertex.xy;
    float away = length(vertex.xy);
    vec3 air = textureLod(sky_map, env_at(vec3(vertex.xy / max(away, 1e-3), 0.01)), 0.0).rgb;
    float ahead = clamp(0.45 + 0.55 * dot(facing, vec3(0.0, 0.80, 0.60)), 0.0, 1.0);
    light = 0.62 * (land_sky * (0.45 + 0.55 * facing.z) + aurora_glow * ahead * ahead);
    far = vec4(mix(air, mist.rgb, mist.a * 0.6), 1.0 - exp(-away * (0.0016 + haze.y * 0.5)));
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
}
