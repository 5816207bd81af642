// The net of light that the ripples above throw on what lies below.
#ifdef CLOSE                 // no smaller than its texels: no need to look for the right level
uniform sampler2D close_net_map;
#define NET close_net_map
#else
uniform sampler2D net_map;
#define NET net_map
#endif
float net(vec2 p, float t) {
    float a = texture(NET, p * 0.21 + vec2(0.011, 0.007) * t).r;
    float b = texture(NET, p.yx * 0.17 - vec2(0.008, -0.010) * t).r;
    return min(a, b) * 2.2;
}
