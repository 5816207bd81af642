// The garden's light and its damp air. `far` mixes what is seen with the mist before it.
uniform vec3 sky_light;      // mean light from above
uniform vec4 lamp;           // where sun or moon stands, and how much comes from there
uniform vec3 lamp_colour;
uniform vec2 glow;           // how strongly the breathing lantern shines, and the others
uniform vec4 mist;           // its colour, and how thick it may get
uniform vec2 haze;           // share lost per metre, near the ground and above
const vec3 FLAME = vec3(1.75, 0.82, 0.30);
const float WATER = -1.45;
vec3 lit(vec3 paint, vec3 n, vec2 warm) {
    float up = 0.55 + 0.45 * n.z;
    float facing = max(dot(n, lamp.xyz), 0.0) * lamp.w;
    return paint * (sky_light * up * up + lamp_colour * facing + FLAME * dot(warm, glow));
}
float misty(float away, float high) {
    float low = exp(-max(high - WATER, 0.0) * 0.35);
    return mist.a * (1.0 - exp(-away * mix(haze.y, haze.x, low)));
}
