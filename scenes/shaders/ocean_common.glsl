// Shared by all of the ocean's fragment shaders. Colours are linear until `shown`.
#include "ocean_film.glsl"

#include "grain.glsl"
vec3 shown(vec3 c) { return film(c) + grain(); }
