// Light in the water: what comes from a direction, and what distance does to what is seen.
uniform vec3 sea_deep;
uniform vec3 sea_side;
uniform vec3 sea_top;
uniform vec4 lamp;           // refracted sun or moon, and how strong its net on the sand is
uniform vec3 lamp_colour;
uniform float murk;          // share lost per metre
uniform vec4 moves;          // sway in metres, time, stir of the surface, swell of the light
vec3 sea(vec3 d) {
    float u = abs(d.z);
    vec3 c = mix(sea_side, d.z > 0.0 ? sea_top : sea_deep, u * (2.0 - u));
    float toward = max(dot(d, lamp.xyz), 0.0);
    toward *= toward;
    return c + lamp_colour * (toward * toward * toward) * 0.16;
}
float lost(float away) { return 1.0 - exp(-away * murk); }
vec3 kept(float away) { return exp(-away * vec3(0.050, 0.014, 0.010)); }
vec3 lit(vec3 paint, vec3 n) {
    float up = 0.5 + 0.5 * n.z;
    return paint * (mix(sea_deep * 1.4 + sea_side * 0.5, sea_top * 0.85 + lamp_colour * 0.20, up * (0.35 + 0.65 * up)));
}
