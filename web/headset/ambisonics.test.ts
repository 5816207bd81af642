import { describe, expect, it } from 'vitest';

import { Binaural, type Quaternion, turning } from './ambisonics';

const RATE = 48_000;
const LENGTH = 16_384;
const BLOCK = 128;
const rad = (deg: number) => (deg * Math.PI) / 180;

/** A head turned to the left, then raised. */
function head(yawDeg: number, pitchDeg = 0): Quaternion {
  const [sy, cy, sp, cp] = [Math.sin(rad(yawDeg) / 2), Math.cos(rad(yawDeg) / 2), Math.sin(rad(pitchDeg) / 2), Math.cos(rad(pitchDeg) / 2)];
  return [cy * sp, sy * cp, -sy * sp, cy * cp];
}

/** Noise that is the same each time (a linear congruential generator). */
function noise(length = LENGTH): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** A plane wave from `azimuthDeg` (to the left) and `elevationDeg`: W, Y, Z, X. */
function wave(sound: Float32Array, azimuthDeg: number, elevationDeg = 0): Float32Array[] {
  const [a, e] = [rad(azimuthDeg), rad(elevationDeg)];
  return [1, Math.sin(a) * Math.cos(e), Math.sin(e), Math.cos(a) * Math.cos(e)].map((gain) => sound.map((s) => s * gain));
}

/** The direction from which the energy of a turned field comes (the active intensity vector), degrees. */
function direction(field: Float32Array[], orientation: Quaternion): { azimuth: number; elevation: number } {
  const m = turning(orientation);
  const [w, ...first] = field as [Float32Array, Float32Array, Float32Array, Float32Array];
  const flow = [0, 1, 2].map((row) =>
    w.reduce((sum, wi, i) => sum + wi * [0, 1, 2].reduce((s, k) => s + (m[3 * row + k] ?? 0) * (first[k]?.[i] ?? 0), 0), 0),
  );
  const [y = 0, z = 0, x = 0] = flow;
  return { azimuth: (Math.atan2(y, x) * 180) / Math.PI, elevation: (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI };
}

/** What the ears hear after the head has come to rest: level difference (dB, left is more) and delay (ms, left leads). */
function ears(field: Float32Array[], orientation: Quaternion) {
  const binaural = new Binaural();
  binaural.look(orientation);
  binaural.add([0, 0, 0, 0].map(() => new Float32Array(BLOCK)), new Float32Array(BLOCK), new Float32Array(BLOCK));
  const [left, right] = [new Float32Array(LENGTH), new Float32Array(LENGTH)];
  for (let at = 0; at < LENGTH; at += BLOCK) {
    const cut = (ring: Float32Array) => ring.subarray(at, at + BLOCK);
    binaural.add(field.map(cut), cut(left), cut(right));
  }
  const energy = (ear: Float32Array) => ear.reduce((sum, s) => sum + s * s, 0);
  const low = [left, right].map((ear) => lowPassed(lowPassed(ear)));
  let best = { lag: 0, match: -Infinity };
  for (let lag = -60; lag <= 60; lag++) {
    let match = 0;
    for (let i = 100; i < LENGTH - 100; i++) match += (low[0]?.[i] ?? 0) * (low[1]?.[i + lag] ?? 0);
    if (match > best.match) best = { lag, match };
  }
  return { level: 10 * Math.log10(energy(left) / energy(right)), lead: (best.lag / RATE) * 1000, left, right };
}

function lowPassed(sound: Float32Array): Float32Array {
  let state = 0;
  return sound.map((s) => (state += (s - state) * 0.06));
}

describe('the field', () => {
  it.each([0, 40, -110])('a head turned by 90° moves a source at %i° by 90°', (azimuth) => {
    const field = wave(noise(512), azimuth, 20);
    expect(direction(field, head(0)).azimuth).toBeCloseTo(azimuth, 3);
    const moved = direction(field, head(90));
    expect(moved.azimuth).toBeCloseTo(((azimuth - 90 + 540) % 360) - 180, 3);
    expect(moved.elevation).toBeCloseTo(20, 3);
  });

  it('a raised head lowers what is ahead', () => {
    expect(direction(wave(noise(512), 0), head(0, 30)).elevation).toBeCloseTo(-30, 3);
  });

  it('a tilted head has the horizon the other way', () => {
    // rolled to its right by 90°: what was on the right is above
    const roll: Quaternion = [0, 0, -Math.SQRT1_2, Math.SQRT1_2];
    expect(direction(wave(noise(512), -90), roll).elevation).toBeCloseTo(90, 3);
  });
});

describe('the ears', () => {
  it('hear what is ahead alike', () => {
    const { level, lead } = ears(wave(noise(), 0), head(0));
    expect(level).toBeCloseTo(0, 5);
    expect(lead).toBe(0);
  });

  it('hear a source ahead on the right, louder and sooner, when the head is turned left by 90°', () => {
    const { level, lead } = ears(wave(noise(), 0), head(90));
    expect(level).toBeLessThan(-5);
    // Woodworth's sphere: 0.66 ms
    expect(lead).toBeLessThan(-0.5);
    expect(lead).toBeGreaterThan(-0.8);
  });

  it.each([30, 60, 120, -45])('hear a source at %i° as one ahead with the head turned the other way', (azimuth) => {
    const placed = ears(wave(noise(), azimuth), head(0));
    const turned = ears(wave(noise(), 0), head(-azimuth));
    expect(turned.level).toBeCloseTo(placed.level, 3);
    expect(turned.lead).toBe(placed.lead);
  });

  it('hear less of the top of what is behind', () => {
    const top = (sound: Float32Array) => sound.reduce((sum, s, i) => sum + (s - (sound[i - 1] ?? 0)) ** 2, 0);
    expect(top(ears(wave(noise(), 180), head(0)).left)).toBeLessThan(0.8 * top(ears(wave(noise(), 0), head(0)).left));
  });

  it('never hear more than the share that the limiter of the server counts on', () => {
    for (const [azimuth, elevation] of [[0, 0], [90, 0], [45, 0], [120, 30], [180, 0], [10, 80]] as const) {
      const { left, right } = ears(wave(noise(), azimuth, elevation), head(0));
      const most = [...left, ...right].reduce((peak, s) => Math.max(peak, Math.abs(s)), 0);
      expect(most / 2).toBeLessThan(0.7); // the field's |W| + |(X, Y, Z)| is 2
    }
  });

  it('hear a head that turns without a click', () => {
    const binaural = new Binaural();
    const tone = Float32Array.from({ length: RATE }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 200 * i) / RATE));
    const field = wave(tone, 0);
    const [left, right] = [new Float32Array(RATE), new Float32Array(RATE)];
    for (let at = 0, block = 0; at + BLOCK <= RATE; at += BLOCK, block++) {
      if (block % 5 === 0) binaural.look(head(300 * (at / RATE)));
      const cut = (ring: Float32Array) => ring.subarray(at, at + BLOCK);
      binaural.add(field.map(cut), cut(left), cut(right));
    }
    const step = left.reduce((most, s, i) => Math.max(most, Math.abs(s - (left[i - 1] ?? 0))), 0);
    expect(step).toBeLessThan(0.03); // the tone itself moves by 0.013 a sample
  });

  it('ignore an orientation that is none', () => {
    const binaural = new Binaural();
    binaural.look([Number.NaN, 0, 0, 1]);
    const [left, right] = [new Float32Array(BLOCK), new Float32Array(BLOCK)];
    binaural.add(wave(noise(BLOCK), 0), left, right);
    expect([...left, ...right].every(Number.isFinite)).toBe(true);
  });
});
