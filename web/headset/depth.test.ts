import { describe, expect, it } from 'vitest';

import { BadMessage, type FrameHeader, type Vec3 } from '../shared/protocol';
import { leanOf, MAX_LEAN_M, unpackDepth } from './depth';
import { around, rotate } from './math';

const header = (position: Vec3, yaw: number): FrameHeader => ({
  frameId: 1, poseSeq: 1, panorama: false, foveation: null, eyeWidth: 8, eyeHeight: 8, renderAtS: 0, sentAtS: 0, poseClientMs: 0,
  position, orientation: around('y', yaw), tanLeft: [1, 1, 1, 1], tanRight: [1, 1, 1, 1], ipdM: 0.064,
  key: true, vp9: false, safe: false,
}); // prettier-ignore

describe('a packed grid', () => {
  it('is unpacked as the server packed it, the eyes side by side', () => {
    // left eye [[0, 5], [3, 3]], right eye [[3, 2], [0, 0]]: pack_depth of the Python side gives these bytes
    const packed = Uint8Array.of(2, 0, 0, 5, 3, 0, 1, 255, 253, 0, 0);
    const grid = unpackDepth(packed);
    expect(grid.nodes).toBe(2);
    expect([...grid.bytes]).toEqual([0, 5, 3, 2, 3, 3, 0, 0]);
  });

  it('is refused when it is too short, too long or no grid', () => {
    for (const bytes of [[], [1, 0], [129, 0], [2, 0, 6], [2, 0, 8], [2, 0, 7, 5], [2, 0]]) {
      expect(() => unpackDepth(Uint8Array.from(bytes)), `${bytes}`).toThrow(BadMessage);
    }
  });
});

describe('a lean', () => {
  it('is nothing where the picture was drawn, for either eye', () => {
    const h = header([0.3, 1.2, -0.4], 0.7);
    for (const index of [0, 1] as const) {
      const off = rotate(h.orientation, [(index - 0.5) * 0.064, 0, 0]);
      const position: Vec3 = [0.3 + off[0], 1.2 + off[1], -0.4 + off[2]];
      expect(Math.hypot(...leanOf({ index, position }, h))).toBeLessThan(1e-9);
    }
  });

  it('is told in the axes of the head that the picture was drawn for', () => {
    const h = { ...header([0, 0, 0], Math.PI / 2), ipdM: 0 }; // it faced −x
    const [x, y, z] = leanOf({ index: 0, position: [-0.1, 0, 0] }, h);
    expect(Math.abs(x) + Math.abs(y)).toBeLessThan(1e-9);
    expect(z).toBeCloseTo(-0.1);
  });

  it('ends at what the sheet can take', () => {
    const lean = leanOf({ index: 0, position: [0, 9, 0] }, { ...header([0, 0, 0], 0), ipdM: 0 });
    expect(Math.hypot(...lean)).toBeCloseTo(MAX_LEAN_M);
  });
});
