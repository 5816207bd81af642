// Far land, baked all round, lit for the hour. See scenes/_panorama.py. Needs ocean_env.glsl.
uniform sampler2D land_facing;   // normal, cover
uniform sampler2D land_matter;   // root of reflectance, coded distance
uniform vec3 land_lamp;          // direction of the light that falls on it
uniform vec3 land_light;         // its colour
uniform vec3 land_sky;           // light from all over the sky
uniform vec4 land_span;          // tangent of the lower edge, 1 / span, share lost a metre to haze, to mist
vec4 land_at(vec2 uv, vec3 air, vec4 veil) {
    vec4 f = texture(land_facing, uv);
    vec4 m = texture(land_matter, uv);
    vec3 n = f.rgb * 2.0 - 1.0;
    float tan_up = max(land_span.x + uv.y / land_span.y, 0.0);
    float near = 1.0 - m.a;                          // distance is 4000 · m.a / near
    vec3 c = m.rgb * m.rgb * (land_light * max(dot(n, land_lamp), 0.0) + land_sky * (0.6 + 0.4 * n.z));
    float haze_m = land_span.z * 4000.0 * m.a;
    c = mix(c, air, haze_m / (near + haze_m));
    float mist_m = land_span.w * 4000.0 * m.a;
    float low = near / (near + tan_up * 70.0 * m.a);
    float misty = veil.a * mist_m / (near + mist_m) * (0.10 + 0.90 * low * low);
    return vec4(mix(c, veil.rgb, misty), f.a);
}
