// The net of light that the ripples above throw on what lies below.
uniform sampler2D net_map;       // the level that fits how far this part lies
float net(vec2 p, float t) {
    float a = texture(net_map, p * 0.21 + vec2(0.011, 0.007) * t).r;
    float b = texture(net_map, p.yx * 0.17 - vec2(0.008, -0.010) * t).r;
    return min(a, b) * 2.2;
}
