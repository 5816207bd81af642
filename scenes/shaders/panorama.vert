#version 330
#include "ocean_env.glsl"
uniform sampler2D sky_map;
uniform mat4 p3d_ModelViewProjectionMatrix;
in vec3 vertex;
in vec2 weave;
out vec2 uv;
out vec3 air;
void main() {
    uv = weave;
    air = textureLod(sky_map, env_at(vec3(normalize(vertex.xy), 0.05)), 0.0).rgb;
    vec4 at = p3d_ModelViewProjectionMatrix * vec4(vertex, 1.0);
    gl_Position = vec4(at.xy, at.w * 0.99999, at.w);     // behind all but the sky
}
