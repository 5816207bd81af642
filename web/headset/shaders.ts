/**
 * All shaders. Every pass covers the view with one triangle; the vertex shader gives each pixel its direction
 * (exactly linear in clip space for any frustum), so nothing is ever clipped and z plays no part.
 */

export const DIRECTION_VERTEX = `#version 300 es
uniform vec4 u_unproject; // x scale, x offset, y scale, y offset: clip space to a direction at z = -1
uniform mat3 u_turn;      // eye axes now -> the axes that the fragment shader thinks in
out vec3 v_direction;
void main() {
  vec2 clip = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  v_direction = u_turn * vec3(clip.x * u_unproject.x + u_unproject.y, clip.y * u_unproject.z + u_unproject.w, -1.0);
  gl_Position = vec4(clip, 0.0, 1.0);
}`;

/**
 * Re-projection with depth: the picture as a sheet of nodes, each moved as far as its depth says. Linear in inverse
 * depth, so exact for planes; the sheet has no steep slopes, so it neither folds nor tears. The fragment shader
 * still gets the direction in which the picture was drawn.
 */
export const SHEET_VERTEX = `#version 300 es
precision highp float;
uniform highp sampler2D u_depth; // r: inverse depth, both eyes side by side
uniform int u_nodes;
uniform int u_eye;
uniform float u_nearest;  // inverse metres of a full byte
uniform vec4 u_tan;
uniform vec3 u_lean;      // metres that this eye has moved, in the axes of the head that the picture was drawn for
uniform mat3 u_back;      // those axes -> eye axes now
uniform vec4 u_unproject; // clip space to a direction at z = -1, of the eye now
out vec3 v_direction;
void main() {
  // one strip: rows of quads, the first and last vertex of each twice so that the turns have no area
  int strip = 2 * u_nodes + 2;
  int along = clamp(gl_VertexID % strip - 1, 0, 2 * u_nodes - 1);
  ivec2 node = ivec2(along >> 1, gl_VertexID / strip + (along & 1));
  vec2 uv = vec2(node) / float(u_nodes - 1);
  float inverse_m = texelFetch(u_depth, node + ivec2(u_eye * u_nodes, 0), 0).r * u_nearest;
  v_direction = vec3(uv.x * (u_tan.x + u_tan.y) - u_tan.x, u_tan.z - uv.y * (u_tan.z + u_tan.w), -1.0);
  vec3 now = u_back * (v_direction - u_lean * inverse_m);
  gl_Position = vec4((now.xy + now.z * u_unproject.yw) / u_unproject.xz, 0.0, -now.z);
}`;

/** Rotation-only re-projection: where would the head that the frame was rendered for have seen this direction? */
const PICTURE_COMMON = `#version 300 es
precision highp float;
in vec3 v_direction;
uniform vec4 u_tan;    // this eye's tan-FOV in the frame: left, right, up, down
uniform vec4 u_half;   // where this eye's view lies: u offset, width, and half a texel in u and in v
uniform float u_high;  // how high it is: 1, or less where middles lie below it
uniform vec4 u_middle; // tan-FOV of this eye's fine middle, if there is one
uniform vec2 u_fine;   // width and height of the middle, whose corner is below the view's; 0: there is none
uniform float u_opacity;
out vec4 colour;
vec2 within(vec4 tan, vec2 corner, vec2 size, out float edge) {
  vec2 t = v_direction.xy / max(-v_direction.z, 1e-4);
  vec2 uv = vec2((t.x + tan.x) / (tan.x + tan.y), (tan.z - t.y) / (tan.z + tan.w));
  vec2 far = min(uv, 1.0 - uv);
  edge = min(far.x, far.y);
  return corner + clamp(uv * size, u_half.zw, size - u_half.zw);
}
vec2 pictureUv(out float inside) {
  float edge;
  vec2 uv = within(u_tan, vec2(u_half.x, 0.0), vec2(u_half.y, u_high), edge);
  // beyond the overscan the calm place shows through; the seam is soft
  inside = step(1e-4, -v_direction.z) * smoothstep(0.0, 0.02, edge);
  return uv;
}
vec2 middleUv(out float fine) {
  float edge;
  vec2 uv = within(u_middle, vec2(u_half.x, u_high), u_fine, edge);
  fine = step(1e-4, -v_direction.z) * smoothstep(0.0, 0.12, edge);
  return uv;
}
bool divided() { return u_fine.x > 0.0; }`;

/** All round: each direction has its place in the picture, whatever the head does. `u_half` z, w: half a texel. */
const ROUND_COMMON = `#version 300 es
precision highp float;
in vec3 v_direction;   // of the world: the head's turn is in it
uniform vec4 u_half;
uniform float u_opacity;
out vec4 colour;
vec2 pictureUv(out float inside) {
  vec3 d = normalize(v_direction);
  inside = 1.0;
  vec2 uv = vec2(0.5 + atan(d.x, -d.z) / 6.283185307, 0.5 - asin(clamp(d.y, -1.0, 1.0)) / 3.141592654);
  return clamp(uv, u_half.zw, 1.0 - u_half.zw);
}
vec2 middleUv(out float fine) {
  fine = 0.0;
  return vec2(0.0);
}
bool divided() { return false; }`;

/** The rim, and over it the middle with a soft seam: as many pixels for a degree on both sides of it, about. */
const WHOLE = `
vec3 whole(out float inside) {
  vec3 seen = picture(pictureUv(inside));
  if (!divided()) return seen;
  float fine;
  vec2 uv = middleUv(fine);
  return fine > 0.0 ? mix(seen, picture(uv), fine) : seen;
}
void main() {
  float inside;
  vec3 seen = whole(inside);
  colour = vec4(seen, u_opacity * inside);
}`;

const PLANAR = `
uniform sampler2D u_luma;
uniform sampler2D u_chroma_b; // I420: Cb in r. NV12: Cb, Cr in r, g
uniform sampler2D u_chroma_r; // I420: Cr in r
uniform bool u_interleaved;
uniform mat3 u_rgb_from_yuv;
uniform vec3 u_yuv_zero;
vec3 picture(vec2 uv) {
  vec2 b = texture(u_chroma_b, uv).rg;
  vec3 yuv = vec3(texture(u_luma, uv).r, b.r, u_interleaved ? b.g : texture(u_chroma_r, uv).r);
  return clamp(u_rgb_from_yuv * (yuv - u_yuv_zero), 0.0, 1.0);
}`;

const FRAME = `
uniform sampler2D u_frame;
vec3 picture(vec2 uv) { return texture(u_frame, uv).rgb; }`;

export const PLANAR_FRAGMENT = PICTURE_COMMON + PLANAR + WHOLE;
export const FRAME_FRAGMENT = PICTURE_COMMON + FRAME + WHOLE;
export const PLANAR_ROUND_FRAGMENT = ROUND_COMMON + PLANAR + WHOLE;
export const FRAME_ROUND_FRAGMENT = ROUND_COMMON + FRAME + WHOLE;

/** The local calm place: a level horizon, warm light low in front, dark and quiet above and behind. */
export const CALM_FRAGMENT = `#version 300 es
precision highp float;
in vec3 v_direction;
uniform float u_opacity;
uniform float u_dark;   // 0 calm place, 1 safe picture: the same room, nearly dark
uniform float u_glow;   // slow swell of the light, around 1
out vec4 colour;
float grain(vec2 p) { return fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.5453); }
void main() {
  vec3 d = normalize(v_direction);
  float ahead = 0.5 - 0.5 * d.z / max(length(d.xz), 1e-4);
  vec3 sky = mix(vec3(0.23, 0.125, 0.085), vec3(0.062, 0.040, 0.046), smoothstep(0.0, 0.75, d.y));
  vec3 floor_ = mix(vec3(0.150, 0.086, 0.060), vec3(0.050, 0.032, 0.027), smoothstep(0.0, 0.6, -d.y));
  vec3 room = mix(floor_, sky, smoothstep(-0.012, 0.012, d.y));
  float lamp = exp(-d.y * d.y * 22.0) * (0.35 + 0.65 * ahead * ahead);
  room += u_glow * lamp * vec3(0.30, 0.155, 0.062);
  float halo = max(0.0, dot(d, normalize(vec3(0.0, 0.10, -1.0))));
  room += u_glow * pow(halo, 24.0) * vec3(0.17, 0.105, 0.05);
  room = mix(room, room * 0.24 + vec3(0.022, 0.013, 0.009), u_dark);
  room += (grain(gl_FragCoord.xy) - 0.5) / 255.0; // hides banding
  colour = vec4(room, u_opacity);
}`;

/** Words on a pane that hangs in the room, for eyes that wear the headset. */
export const LABEL_VERTEX = `#version 300 es
uniform mat4 u_clip_from_world;
uniform vec3 u_centre;
uniform vec3 u_right;  // half the pane
uniform vec3 u_up;     // half the pane
out vec2 v_uv;
void main() {
  vec2 corner = vec2((gl_VertexID & 1) == 0 ? -1.0 : 1.0, (gl_VertexID & 2) == 0 ? -1.0 : 1.0);
  v_uv = vec2(corner.x * 0.5 + 0.5, 0.5 - corner.y * 0.5);
  gl_Position = u_clip_from_world * vec4(u_centre + corner.x * u_right + corner.y * u_up, 1.0);
}`;

export const LABEL_FRAGMENT = `#version 300 es
precision highp float;
in vec2 v_uv;
uniform sampler2D u_text;
uniform float u_opacity;
out vec4 colour;
void main() { colour = texture(u_text, v_uv) * u_opacity; }`;
