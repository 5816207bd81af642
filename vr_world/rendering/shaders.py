"""The engine's own small shaders: the veil of the safe picture and the panorama's unrolling."""

from __future__ import annotations

from typing import Final

__all__ = ["DEPTH_FRAGMENT", "FULL_SCREEN_VERTEX", "PANORAMA_FRAGMENT", "SAFE_SRGB", "VEIL_FRAGMENT"]

#: The safe picture's colour at its middle, 0 … 1: dark and warm, a room with the fire nearly out.
SAFE_SRGB: Final = (0.150, 0.098, 0.068)

FULL_SCREEN_VERTEX: Final = """#version 330
in vec4 p3d_Vertex;
out vec2 place;
void main() {
    place = p3d_Vertex.xz;
    gl_Position = vec4(p3d_Vertex.x, p3d_Vertex.z, 0.0, 1.0);
}
"""

VEIL_FRAGMENT: Final = """#version 330
uniform vec4 veil;   // rgb of the safe picture, and how thick it is
uniform vec4 window; // which part of an eye's picture this is: half its size, its middle
in vec2 place;
out vec4 colour;
void main() {
    float noise = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5;
    vec2 at = place * window.xy + window.zw;
    float dome = 1.0 - 0.32 * min(dot(at, at) * 0.6, 1.0);
    colour = vec4(veil.rgb * dome + noise / 255.0, veil.a);
}
"""

PANORAMA_FRAGMENT: Final = """#version 330
uniform samplerCube surroundings;
in vec2 place;
out vec4 colour;
void main() {
    float azimuth = place.x * 3.14159265;
    float elevation = place.y * 1.57079633;
    vec3 way = vec3(sin(azimuth) * cos(elevation), cos(azimuth) * cos(elevation), sin(elevation));
    colour = vec4(texture(surroundings, way).rgb, 1.0);
}
"""

#: Each pixel is one node of the depth grid, both eyes side by side, from sixteen places around it: their mean
#: where they lie on one surface, the nearest at an edge.
DEPTH_FRAGMENT: Final = """#version 330
uniform sampler2D drawn_depth;
uniform vec4 parts;      // where the rims begin, how high they are; width, height of a middle; 0 … 1
uniform vec4 middle[2];  // what each middle shows of its eye's view: left, right, bottom, top, 0 … 1
uniform vec4 span;   // nodes a side; 1 / near - 1 / far; 1 / far; inverse metres that become 1
out vec4 colour;
void main() {
    float nodes = span.x;
    vec2 cell = floor(gl_FragCoord.xy);
    float eye = step(nodes, cell.x);
    vec2 node = vec2(cell.x - eye * nodes, cell.y) / (nodes - 1.0);
    float near = 0.0, far = 1e3, sum = 0.0;
    for (int tap = 0; tap < 16; tap++) {
        vec2 off = (vec2(tap % 4, tap / 4) - 1.5) / 4.0 / (nodes - 1.0);
        vec2 at = clamp(node + off, 0.002, 0.998);
        vec4 box = middle[int(eye)];
        vec2 fine = (at - box.xz) / (box.yw - box.xz);
        bool within = all(greaterThan(fine, vec2(0.0))) && all(lessThan(fine, vec2(1.0)));
        vec2 spot = within ? fine * parts.zw : vec2(0.5 * at.x, parts.x + parts.y * at.y);
        float drawn = texture(drawn_depth, spot + vec2(0.5 * eye, 0.0)).r;
        float inverse_m = drawn < 1.0 ? (1.0 - drawn) * span.y + span.z : 0.0;
        near = max(near, inverse_m);
        far = min(far, inverse_m);
        sum += inverse_m;
    }
    float inverse_m = mix(sum / 16.0, near, smoothstep(0.045, 0.08, near - far));
    colour = vec4(vec3(min(inverse_m / span.w, 1.0)), 1.0);
}
"""
