#version 330
#include "ocean_env.glsl"
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform mat4 p3d_ViewMatrixInverse;
uniform sampler2D sky_map;
uniform sampler2D cloud_map;
uniform sampler2D far_wave_map;
uniform vec3 lamp;           // where the sun or the moon stands
uniform vec4 lamp_light;     // its colour, and the finest slope that glitters
uniform vec4 swell;          // height, turn, 1 / length, 1 / reach
uniform vec4 waves;          // slope in rms, tile's inverse, gust drift x, y
uniform vec2 haze;           // share lost per metre to haze; to mist
uniform vec4 mist;
uniform float pixel_tan;
in vec3 vertex;              // x, y, and the spacing of the mesh there
out vec3 look;               // unit vector to it
out vec2 place;
out vec4 base;               // swell's slope x, y; eight-bit waves' to slopes; waves' slope that is too fine to see
out vec4 spark;              // slope that mirrors the lamp here x, y; 1 / spread of slopes; how strong
out float near;              // how much of the finest ripples is drawn
out vec4 far;                // colour of the air in front, and how much of it
const float TURN = 6.2831853;
void main() {
    float away = length(vertex.xy);
    vec2 out_way = vertex.xy / max(away, 1e-3);
    float near_share = 1.0 / (1.0 + away * away * swell.w * swell.w);
    float turn = TURN * (swell.y + away * swell.z);
    float lift = -0.5 * swell.x * near_share * cos(turn);
    float tilt = 0.5 * swell.x * near_share * sin(turn) * TURN * swell.z;
    float rough = textureLod(cloud_map, vertex.xy * 0.0041 + waves.zw, 0.0).r;
    float rms = waves.x * (0.62 + 0.76 * rough);
    float level = log2(max(vertex.z * 128.0 * waves.y * 1.5, 1.0));
    float wave = (textureLod(far_wave_map, vertex.xy * waves.y, level).b - 0.50196) * 8.0315 * rms;
    vec3 at = vec3(vertex.xy, lift + clamp(wave, -0.22, 0.22));
    vec4 eye = p3d_ViewMatrixInverse[3];
    vec3 to_point = at + vec3(0.0, 0.0, -1.2) - eye.xyz;
    look = normalize(to_point);
    place = vertex.xy;
    near = 1.0 - smoothstep(2.5, 7.0, away);
    float seen = dot(to_point, to_point) * pixel_tan / 1.2;
    float unseen = rms * seen / (seen + 0.9);
    base = vec4(out_way * tilt, 8.0315 * rms, unseen);
    vec3 half_way = lamp - look;
    float spread = lamp_light.a * lamp_light.a + unseen * unseen;
    spark = vec4(half_way.xy / max(half_way.z, 1e-3), 0.5 / spread, min(0.5 + 0.0022 / spread, 40.0));
    vec3 air = textureLod(sky_map, env_at(vec3(out_way, 0.0005)), 0.0).rgb;
    float mist_share = 1.0 - exp(-away * haze.y);
    float haze_share = 1.0 - exp(-away * haze.x);
    float all = 1.0 - (1.0 - mist_share) * (1.0 - haze_share);
    far = vec4(mix(air, mist.rgb, mist_share * mist.a / max(all, 1e-4)), all);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(at, 1.0);
}
