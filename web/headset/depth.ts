/**
 * Depth for a head that leans: the coarse grid that comes with a picture, and how far an eye is from where the picture
 * was drawn. Pure. The grid is that of `vr_world/streaming/depth.py`: inverse depth, near things first, without
 * steep slopes, so that it can be drawn as a rubber sheet.
 */

import type { FrameHeader, Vec3 } from '../shared/protocol';
import { BadMessage } from '../shared/protocol';
import { conjugate, rotate } from './math';

/** The byte 255 means a thing this near. */
export const NEAREST_M = 0.5;
/** A lean beyond this is drawn as this one: the sheet could fold, and a picture so old soon gives way to the calm place. */
export const MAX_LEAN_M = 0.15;
const MAX_NODES = 128;

/** Inverse depth at nodes × nodes places of each eye's picture, both eyes side by side, rows top first. */
export interface DepthGrid {
  readonly nodes: number;
  /** `2 * nodes` bytes a row, `nodes` rows. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Unpack what came with a frame. Throws `BadMessage`. */
export function unpackDepth(packed: Uint8Array): DepthGrid {
  const nodes = packed[0] ?? 0;
  if (nodes < 2 || nodes > MAX_NODES) throw new BadMessage(`depth grid must have 2…${MAX_NODES} nodes a side, got ${nodes}`);
  const total = 2 * nodes * nodes;
  const rest = new Uint8Array(total);
  let [at, filled] = [1, 0];
  while (at < packed.length && filled < total) {
    const value = packed[at++] ?? 0;
    if (value !== 0) rest[filled++] = value;
    else filled += (packed[at++] ?? 0) + 1;
  }
  if (filled !== total || at !== packed.length) {
    throw new BadMessage(`depth grid must have ${total} nodes, got ${filled} and ${packed.length - at} bytes more`);
  }
  return { nodes, bytes: summed(rest, nodes) };
}

/** Each byte is less its left neighbour, the first of a row less the one above; the eyes come one after the other. */
function summed(rest: Uint8Array, nodes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(rest.length);
  let above = 0;
  for (let line = 0; line < 2 * nodes; line++) {
    const [eye, row] = line < nodes ? [0, line] : [1, line - nodes];
    const begin = (2 * row + eye) * nodes;
    let value = above + (rest[line * nodes] ?? 0);
    above = value;
    bytes[begin] = value;
    for (let column = 1; column < nodes; column++) {
      value += rest[line * nodes + column] ?? 0;
      bytes[begin + column] = value;
    }
  }
  return bytes;
}

/** How far an eye has moved from where its picture was drawn, in the axes of the head that it was drawn for. */
export function leanOf(eye: { readonly index: 0 | 1; readonly position: Vec3 }, header: FrameHeader): Vec3 {
  const [ox, oy, oz] = rotate(header.orientation, [(eye.index - 0.5) * header.ipdM, 0, 0]);
  const [hx, hy, hz] = header.position;
  const [x, y, z] = eye.position;
  const moved = rotate(conjugate(header.orientation), [x - hx - ox, y - hy - oy, z - hz - oz]);
  const shrink = Math.min(1, MAX_LEAN_M / Math.max(Math.hypot(...moved), 1e-9));
  return [moved[0] * shrink, moved[1] * shrink, moved[2] * shrink];
}
