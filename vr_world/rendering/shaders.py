"""The engine's own small shaders: the veil of the safe picture and the panorama's unrolling."""

from __future__ import annotations

from typing import Final

__all__ = ["FULL_SCREEN_VERTEX", "PANORAMA_FRAGMENT", "SAFE_SRGB", "VEIL_FRAGMENT"]

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
in vec2 place;
out vec4 colour;
void main() {
    float noise = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5;
    float dome = 1.0 - 0.32 * min(dot(place, place) * 0.6, 1.0);
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
