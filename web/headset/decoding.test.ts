import { describe, expect, it } from 'vitest';

import { type FrameHeader, KeyReason } from '../shared/protocol';
import { ClockSync } from './clock';
import { yuvToRgb } from './colour';
import { Chain, codecOf } from './decoding';

const header = (frameId: number, key = false, vp9 = false) => ({ frameId, key, vp9 }) as FrameHeader;

describe('the chain of frames', () => {
  it('starts with a key frame and goes on while no number is missing', () => {
    const chain = new Chain();
    expect([header(5), header(6, true), header(7), header(8)].map((h) => chain.admit(h))).toEqual([false, true, true, true]);
  });

  it('waits for a key frame after a hole', () => {
    const chain = new Chain();
    const admitted = [header(1, true), header(2), header(4), header(5), header(6, true), header(7)].map((h) => chain.admit(h));
    expect(admitted).toEqual([true, true, false, false, true, true]);
    expect(chain.reason).toBe(KeyReason.gap);
  });

  it('waits for a key frame after a decoder’s error', () => {
    const chain = new Chain();
    chain.admit(header(1, true));
    chain.break(KeyReason.decodeError);
    expect([header(2), header(3, true), header(4)].map((h) => chain.admit(h))).toEqual([false, true, true]);
    expect(chain.lastId).toBe(4);
  });

  it('goes over the end of 32 bits', () => {
    const chain = new Chain();
    expect([header(2 ** 32 - 1, true), header(0), header(1)].map((h) => chain.admit(h))).toEqual([true, true, true]);
  });
});

describe('the codec', () => {
  it('is what the sequence parameters of the key frame say', () => {
    const sps = Uint8Array.from([0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x28, 0xd9, 0x01]);
    expect(codecOf(header(1, true), sps)).toBe('avc1.42C028');
    expect(codecOf(header(1, true), Uint8Array.from([1, 2, 3]))).toBe('avc1.42E01F');
    expect(codecOf(header(1, true, true), sps)).toBe('vp09.00.40.08');
  });
});

describe('colour', () => {
  const rgbOf = (yuv: readonly number[], colour: Parameters<typeof yuvToRgb>[0]) => {
    const { matrix, zero } = yuvToRgb(colour);
    const [y = 0, cb = 0, cr = 0] = yuv.map((value, i) => value / 255 - (zero[i] ?? 0));
    return [0, 1, 2].map((row) => Math.round(255 * ((matrix[row] ?? 0) * y + (matrix[3 + row] ?? 0) * cb + (matrix[6 + row] ?? 0) * cr)));
  };

  it.each([
    ['white, limited', [235, 128, 128], { matrix: 'bt709', fullRange: false }, [255, 255, 255]],
    ['black, limited', [16, 128, 128], { matrix: 'bt601', fullRange: false }, [0, 0, 0]],
    ['white, full', [255, 128, 128], { matrix: 'bt709', fullRange: true }, [255, 255, 255]],
    ['red, BT.601 limited', [81, 90, 240], { matrix: 'bt601', fullRange: false }, [254, 0, 0]],
    ['red, BT.709 limited', [63, 102, 240], { matrix: 'bt709', fullRange: false }, [255, 1, 0]],
  ] as const)('%s', (_, yuv, colour, rgb) => {
    rgbOf(yuv, colour).forEach((value, i) => expect(Math.abs(value - (rgb[i] ?? NaN))).toBeLessThanOrEqual(1));
  });
});

describe('the clock', () => {
  it('trusts the shortest round trip', () => {
    const clock = new ClockSync();
    clock.pong(1000, 51.06, 1100); // late on its way there: 10 ms wrong
    clock.pong(2000, 52.002, 2004);
    clock.pong(3000, 53.1, 3300);
    expect(clock.estimate?.offsetS).toBeCloseTo(50, 6);
    expect(clock.estimate?.rttMs).toBe(4);
  });

  it('forgets, and takes no answer from before its question', () => {
    const clock = new ClockSync();
    clock.pong(1000, 51, 1002);
    clock.reset();
    expect(clock.pong(2000, 52, 1999)).toBeNull();
  });
});
