/** Draws one eye (or the screen): calm place, picture, safe picture, words, each as far as it has faded in. */

import type { FrameHeader, Quat, Vec3 } from '../shared/protocol';
import { yuvToRgb } from './colour';
import { type DepthGrid, leanOf, NEAREST_M } from './depth';
import { Program, Texture } from './gl';
import type { Label } from './pane';
import { clipFromWorld, conjugate, rotate, toMat3, turn, unprojection } from './math';
import type { Pixels } from './messages';
import type { Mix } from './presence';
import * as shaders from './shaders';

/** From where, and into which part of the canvas, is drawn. */
export interface Eye {
  readonly index: 0 | 1;
  readonly viewport: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly projection: ArrayLike<number>;
  readonly orientation: Quat;
  readonly position: Vec3;
}

export interface Scene {
  readonly mix: Mix;
  /** The frame whose pixels are uploaded, if any. */
  readonly header: FrameHeader | null;
  readonly glow: number;
  /** What hangs in the room, at most `LABELS`. */
  readonly labels: readonly Label[];
}

const LUMA = 0;
const CHROMA_B = 1;
const CHROMA_R = 2;
const TEXT = 3;
const DEPTH = 4;
const LABELS = 2;

export class Painter {
  readonly #gl: WebGL2RenderingContext;
  readonly #calm: Program;
  readonly #planar: Program;
  readonly #frame: Program;
  readonly #planarSheet: Program;
  readonly #frameSheet: Program;
  readonly #planarRound: Program;
  readonly #frameRound: Program;
  readonly #words: Program;
  readonly #luma: Texture;
  readonly #chromaB: Texture;
  readonly #chromaR: Texture;
  readonly #rgba: Texture;
  readonly #texts: readonly Texture[];
  readonly #depth: Texture;
  #nodes = 0;
  #uploaded: { readonly kind: Pixels['kind']; readonly width: number; readonly height: number } | null = null;
  /** Which picture, in which state, each of the textures holds. */
  readonly #held: { picture: HTMLCanvasElement; serial: number }[] = [];

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    this.#calm = new Program(gl, shaders.DIRECTION_VERTEX, shaders.CALM_FRAGMENT);
    this.#planar = new Program(gl, shaders.DIRECTION_VERTEX, shaders.PLANAR_FRAGMENT);
    this.#frame = new Program(gl, shaders.DIRECTION_VERTEX, shaders.FRAME_FRAGMENT);
    this.#planarSheet = new Program(gl, shaders.SHEET_VERTEX, shaders.PLANAR_FRAGMENT);
    this.#frameSheet = new Program(gl, shaders.SHEET_VERTEX, shaders.FRAME_FRAGMENT);
    this.#planarRound = new Program(gl, shaders.DIRECTION_VERTEX, shaders.PLANAR_ROUND_FRAGMENT);
    this.#frameRound = new Program(gl, shaders.DIRECTION_VERTEX, shaders.FRAME_ROUND_FRAGMENT);
    this.#words = new Program(gl, shaders.LABEL_VERTEX, shaders.LABEL_FRAGMENT);
    [this.#luma, this.#chromaB, this.#chromaR] = [new Texture(gl), new Texture(gl), new Texture(gl)];
    [this.#rgba, this.#depth] = [new Texture(gl), new Texture(gl)];
    this.#texts = Array.from({ length: LABELS }, () => new Texture(gl));
    gl.disable(gl.DEPTH_TEST);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  }

  /** Put a picture on the graphics card; the frame is closed, the buffer is the caller's again. */
  upload(pixels: Pixels, depth: DepthGrid | null): void {
    const gl = this.#gl;
    const { width, height } = pixels;
    if (pixels.kind === 'planar') {
      this.#uploadPlanes(pixels);
    } else {
      this.#rgba.ready(LUMA, gl.RGBA8, width, height);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels.frame);
      pixels.frame.close();
    }
    this.#uploaded = { kind: pixels.kind, width, height };
    this.#nodes = depth?.nodes ?? 0;
    if (depth === null) return;
    this.#depth.ready(DEPTH, gl.R8, 2 * depth.nodes, depth.nodes);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 2 * depth.nodes, depth.nodes, gl.RED, gl.UNSIGNED_BYTE, depth.bytes);
  }

  #uploadPlanes({ format, buffer, planes, colour, width, height }: Extract<Pixels, { kind: 'planar' }>): void {
    const gl = this.#gl;
    const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
    const parts =
      format === 'I420'
        ? ([[this.#luma, LUMA, width, height, 1], [this.#chromaB, CHROMA_B, w, h, 1], [this.#chromaR, CHROMA_R, w, h, 1]] as const)
        : ([[this.#luma, LUMA, width, height, 1], [this.#chromaB, CHROMA_B, w, h, 2]] as const);
    parts.forEach(([texture, unit, planeWidth, planeHeight, channels], i) => {
      const plane = planes[i];
      if (plane === undefined) throw new Error(`${format} picture must have ${parts.length} planes, got ${planes.length}`);
      const [storage, layout] = channels === 1 ? [gl.R8, gl.RED] : [gl.RG8, gl.RG];
      texture.ready(unit, storage, planeWidth, planeHeight);
      gl.pixelStorei(gl.UNPACK_ROW_LENGTH, plane.stride / channels);
      const bytes = new Uint8Array(buffer, plane.offset);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, planeWidth, planeHeight, layout, gl.UNSIGNED_BYTE, bytes);
    });
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
    const { matrix, zero } = yuvToRgb(colour);
    for (const program of [this.#planar, this.#planarSheet, this.#planarRound]) {
      program.use().mat3('u_rgb_from_yuv', matrix).vec3('u_yuv_zero', zero);
      program.int('u_interleaved', format === 'NV12' ? 1 : 0);
      program.int('u_luma', LUMA).int('u_chroma_b', CHROMA_B).int('u_chroma_r', CHROMA_R);
    }
  }

  /** Draw one eye into the framebuffer that is bound. */
  draw(eye: Eye, { mix, header, glow, labels }: Scene): void {
    const gl = this.#gl;
    const { x, y, width, height } = eye.viewport;
    gl.viewport(x, y, width, height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(x, y, width, height);
    gl.disable(gl.BLEND);
    this.#drawRoom(eye, 0, 1, glow);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ZERO, gl.ONE);
    if (mix.picture > 0 && header !== null) this.#drawPicture(eye, header, mix.picture);
    if (mix.safe > 0) this.#drawRoom(eye, 1, mix.safe, glow);
    for (const label of labels) this.#drawLabel(eye, label);
    gl.disable(gl.SCISSOR_TEST);
  }

  #drawRoom(eye: Eye, dark: number, opacity: number, glow: number): void {
    this.#calm.use().vec4('u_unproject', unprojection(eye.projection)).mat3('u_turn', toMat3(eye.orientation));
    this.#calm.float('u_dark', dark).float('u_opacity', opacity).float('u_glow', glow);
    this.#gl.drawArrays(this.#gl.TRIANGLES, 0, 3);
  }

  #drawPicture(eye: Eye, header: FrameHeader, opacity: number): void {
    const gl = this.#gl;
    if (this.#uploaded === null) return;
    const { kind, width, height } = this.#uploaded;
    if (kind === 'planar') {
      this.#luma.bind(LUMA);
      this.#chromaB.bind(CHROMA_B);
      this.#chromaR.bind(CHROMA_R);
    } else {
      this.#rgba.bind(LUMA);
    }
    if (header.panorama) {
      this.#drawRound(kind === 'planar' ? this.#planarRound : this.#frameRound, eye, opacity, width, height);
      return;
    }
    const [flat, sheet] = kind === 'planar' ? [this.#planar, this.#planarSheet] : [this.#frame, this.#frameSheet];
    const program = (this.#nodes > 0 ? sheet : flat).use();
    if (kind !== 'planar') program.int('u_frame', LUMA);
    program.vec4('u_unproject', unprojection(eye.projection));
    program.vec4('u_tan', eye.index === 0 ? header.tanLeft : header.tanRight);
    // a chroma texel is two luma texels wide: keep that far from the other eye's half
    program.vec4('u_half', [0.5 * eye.index, 0.5, 1 / width, 1 / height]).float('u_opacity', opacity);
    this.#divide(program, eye, header, width, height);
    if (this.#nodes > 0) {
      this.#drawSheet(program, eye, header);
    } else {
      program.mat3('u_turn', toMat3(turn(eye.orientation, header.orientation)));
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
  }

  #divide(program: Program, eye: Eye, { foveation: parts }: FrameHeader, width: number, height: number): void {
    program.float('u_high', parts === null ? 1 : parts.rimPx / height);
    program.vec2('u_fine', parts === null ? [0, 0] : [parts.middlePx / width, parts.middlePx / height]);
    if (parts !== null) program.vec4('u_middle', eye.index === 0 ? parts.middleLeft : parts.middleRight);
  }

  /** A panorama turns with the world, not with the head that it was drawn for. */
  #drawRound(program: Program, eye: Eye, opacity: number, width: number, height: number): void {
    program.use().int('u_frame', LUMA).vec4('u_unproject', unprojection(eye.projection));
    program.vec4('u_half', [0, 1, 0.5 / width, 0.5 / height]).float('u_opacity', opacity);
    program.mat3('u_turn', toMat3(eye.orientation));
    this.#gl.drawArrays(this.#gl.TRIANGLES, 0, 3);
  }

  #drawSheet(program: Program, eye: Eye, header: FrameHeader): void {
    const nodes = this.#nodes;
    this.#depth.bind(DEPTH);
    program.int('u_depth', DEPTH).int('u_nodes', nodes).int('u_eye', eye.index).float('u_nearest', 1 / NEAREST_M);
    program.vec3('u_lean', leanOf(eye, header));
    program.mat3('u_back', toMat3(conjugate(turn(eye.orientation, header.orientation))));
    this.#gl.drawArrays(this.#gl.TRIANGLE_STRIP, 0, (nodes - 1) * (2 * nodes + 2));
  }

  #drawLabel(eye: Eye, label: Label): void {
    const gl = this.#gl;
    if (label.opacity <= 0) return;
    const known = this.#held.findIndex(({ picture }) => picture === label.picture);
    const index = known >= 0 ? known : this.#held.length;
    const texture = this.#texts[index];
    if (texture === undefined) throw new Error(`at most ${LABELS} labels can hang in the room, got another`);
    if (this.#held[index]?.serial !== label.serial) {
      const { width, height } = label.picture;
      texture.ready(TEXT, gl.RGBA8, width, height);
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, label.picture);
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
      this.#held[index] = { picture: label.picture, serial: label.serial };
    }
    texture.bind(TEXT);
    gl.blendFuncSeparate(gl.ONE, gl.ONE_MINUS_SRC_ALPHA, gl.ZERO, gl.ONE);
    this.#words.use().int('u_text', TEXT).float('u_opacity', label.opacity);
    this.#words.mat4('u_clip_from_world', clipFromWorld(eye.projection, eye.position, eye.orientation));
    const right = rotate(label.facing, [label.halfWidthM, 0, 0]);
    this.#words.vec3('u_centre', label.centre).vec3('u_right', right).vec3('u_up', [0, label.halfHeightM, 0]);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}
