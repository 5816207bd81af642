import { describe, expect, it } from 'vitest';

import { Joiner } from './joiner';

function pair(value: number): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
  return [Float32Array.of(value), Float32Array.of(value + 0.5)];
}

function joined() {
  const out: number[][] = [];
  return { joiner: new Joiner((channels) => out.push(channels.map((channel) => channel[0] ?? Number.NaN))), out };
}

describe('joining', () => {
  it('lets a bed without a place through at once', () => {
    const { joiner, out } = joined();
    joiner.take(0, 0, pair(1));
    expect(out).toEqual([[1, 1.5]]);
  });

  it('puts a bed and its place together in whatever order they are decoded', () => {
    for (const order of [[0, 1, 2], [2, 0, 1], [1, 2, 0]]) {
      const { joiner, out } = joined();
      joiner.expect(10);
      for (const part of order) joiner.take(part, 10, pair(part));
      expect(out).toEqual([[0, 0.5, 1, 1.5, 2, 2.5]]);
    }
  });

  it('keeps the order of moments', () => {
    const { joiner, out } = joined();
    joiner.expect(0);
    joiner.take(0, 0, pair(1));
    joiner.take(0, 10, pair(2));
    expect(out).toEqual([]);
    joiner.take(1, 0, pair(3));
    joiner.take(2, 0, pair(4));
    expect(out).toEqual([[1, 1.5, 3, 3.5, 4, 4.5], [2, 2.5]]);
  });

  it('gives a place up that never comes, and nothing piles up', () => {
    const { joiner, out } = joined();
    for (let moment = 0; moment < 1000; moment++) {
      joiner.expect(moment);
      joiner.take(0, moment, pair(moment));
    }
    expect(out.length).toBeGreaterThan(980);
    expect(out.every((channels, i) => channels.length === 2 && channels[0] === i)).toBe(true);
  });
});
