// The sky map's places: columns by diamond angle, rows by the square root of the height. See scenes/_sky.py.
vec2 env_at(vec3 way) {
    vec2 flat_way = way.xy / (abs(way.x) + abs(way.y) + 1e-6);
    float turn = flat_way.y >= 0.0 ? 0.25 - 0.25 * flat_way.x : 0.75 + 0.25 * flat_way.x;
    return vec2(turn, sqrt(clamp(way.z, 0.0, 1.0)));
}
