/** Luma and chroma to red, green, blue: ITU-R BT.601 and BT.709, limited and full range. Pure. */

import type { Mat3 } from './math';
import type { Colour } from './messages';

export interface YuvToRgb {
  /** Column-major; rgb = matrix × (yuv − zero). */
  readonly matrix: Mat3;
  readonly zero: readonly [number, number, number];
}

export function yuvToRgb({ matrix, fullRange }: Colour): YuvToRgb {
  const [kr, kb] = matrix === 'bt709' ? [0.2126, 0.0722] : [0.299, 0.114];
  const kg = 1 - kr - kb;
  const y = fullRange ? 1 : 255 / 219;
  const c = fullRange ? 1 : 255 / 224;
  const cr = 2 * (1 - kr) * c;
  const cb = 2 * (1 - kb) * c;
  return {
    matrix: [y, y, y, 0, (-kb / kg) * cb, cb, cr, (-kr / kg) * cr, 0],
    zero: [fullRange ? 0 : 16 / 255, 128 / 255, 128 / 255],
  };
}
