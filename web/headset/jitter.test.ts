import { describe, expect, it } from 'vitest';

import { JitterBuffer, SAMPLE_RATE, TARGET_MAX_MS, TARGET_MIN_MS } from './jitter';

const BLOCK = 128;
const PACKET = 480;
const TONE_HZ = 440;
/** The greatest step of the tone itself. */
const TONE_STEP = (2 * Math.PI * TONE_HZ) / SAMPLE_RATE;

/** A line from a server whose clock runs `drift` faster; `arrives(ms)` says whether packets get through then. */
function play(seconds: number, options: { drift?: number; arrives?: (ms: number) => boolean; burst?: (ms: number) => number } = {}) {
  const { drift = 0, arrives = () => true, burst = () => 0 } = options;
  const buffer = new JitterBuffer();
  const out = new Float32Array(Math.ceil((seconds * SAMPLE_RATE) / BLOCK) * BLOCK);
  let sent = 0;
  let made = 0;
  let missing = false;
  const packet = () => Float32Array.from({ length: PACKET }, (_, i) => Math.sin((2 * Math.PI * TONE_HZ * (made + i)) / SAMPLE_RATE));
  for (let at = 0; at < out.length; at += BLOCK) {
    const ms = (at / SAMPLE_RATE) * 1000;
    const due = Math.floor((((ms - burst(ms)) / 1000) * SAMPLE_RATE * (1 + drift)) / PACKET);
    for (; sent < due; sent++) {
      if (arrives(ms)) {
        if (missing) buffer.gap();
        missing = false;
        buffer.push(packet(), packet());
      } else missing = true;
      made += PACKET;
    }
    const right = new Float32Array(BLOCK);
    buffer.pull(out.subarray(at, at + BLOCK), right);
  }
  return { buffer, out };
}

const biggestStep = (out: Float32Array) => out.reduce((most, value, i) => Math.max(most, Math.abs(value - (out[i - 1] ?? 0))), 0);
const rms = (out: Float32Array) => Math.sqrt(out.reduce((sum, value) => sum + value * value, 0) / out.length);
const lastSecond = (out: Float32Array) => out.subarray(out.length - SAMPLE_RATE);

describe('the jitter buffer', () => {
  it('plays an even stream whole, with a small delay', () => {
    const { buffer, out } = play(5);
    expect(buffer.underruns).toBe(0);
    expect(rms(lastSecond(out))).toBeCloseTo(Math.SQRT1_2, 2);
    expect(biggestStep(out)).toBeLessThan(TONE_STEP * 1.1);
    expect(buffer.bufferMs).toBeGreaterThan(40);
    expect(buffer.bufferMs).toBeLessThan(TARGET_MAX_MS);
  });

  it('begins with silence and a fade', () => {
    const { out } = play(1);
    expect(rms(out.subarray(0, 0.06 * SAMPLE_RATE))).toBe(0);
    expect(Math.max(...out.subarray(0, 0.09 * SAMPLE_RATE))).toBeLessThan(0.8);
  });

  it.each([200e-6, -200e-6])('follows a clock that drifts by %f for two minutes', (drift) => {
    const { buffer, out } = play(120, { drift });
    expect(buffer.underruns).toBe(0);
    expect(buffer.bufferMs).toBeGreaterThan(20);
    expect(buffer.bufferMs).toBeLessThan(TARGET_MAX_MS + 50);
    expect(biggestStep(out)).toBeLessThan(TONE_STEP * 1.1);
  });

  it('fades out when the stream stops, fades in when it returns, and never clicks', () => {
    const { buffer, out } = play(4, { arrives: (ms) => ms < 1500 || ms > 2500 });
    expect(buffer.underruns).toBe(1);
    expect(rms(out.subarray(1.8 * SAMPLE_RATE, 2.4 * SAMPLE_RATE))).toBe(0);
    expect(rms(lastSecond(out))).toBeCloseTo(Math.SQRT1_2, 2);
    expect(biggestStep(out)).toBeLessThan(TONE_STEP * 1.6);
  });

  it('joins the ends of a short hole without a click', () => {
    const { buffer, out } = play(3, { arrives: (ms) => ms < 1000 || ms > 1026 });
    expect(buffer.underruns).toBe(0);
    expect(biggestStep(out)).toBeLessThan(TONE_STEP * 1.6);
  });

  it('grows when packets come unevenly and shrinks slowly when they are even again', () => {
    const uneven = play(20, { burst: (ms) => (ms % 400 < 120 ? ms % 400 : 0) });
    expect(uneven.buffer.targetMs).toBeGreaterThan(80);
    expect(uneven.buffer.targetMs).toBeLessThanOrEqual(TARGET_MAX_MS);
    expect(uneven.buffer.underruns).toBeLessThan(4);
    expect(rms(lastSecond(uneven.out))).toBeCloseTo(Math.SQRT1_2, 2);
    expect(play(60).buffer.targetMs).toBe(TARGET_MIN_MS);
  });

  // 1 % of the packets are lost: what follows waits for a fast retransmit, or for a slow one
  it.each([110, 200])('settles on a link of 40 ± 20 ms where a loss stalls for %i ms', (stallMs) => {
    let state = 7919;
    const chance = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
    const buffer = new JitterBuffer();
    const packet = new Float32Array(SAMPLE_RATE / 100);
    const out = new Float32Array(BLOCK);
    const dryAtS: number[] = [];
    let [sent, arrivesMs] = [0, 0];
    for (let nowMs = 0; nowMs < 60_000; nowMs += (1000 * BLOCK) / SAMPLE_RATE) {
      for (; arrivesMs <= nowMs; sent++) {
        if (sent > 0) buffer.push(packet, packet);
        const ownMs = sent * 10 + 40 + 20 * (2 * chance() - 1) + (chance() < 0.01 ? stallMs : 0);
        arrivesMs = Math.max(arrivesMs, ownMs);
      }
      const before = buffer.underruns;
      buffer.pull(out, out);
      if (buffer.underruns > before) dryAtS.push(nowMs / 1000);
    }
    expect(dryAtS.length).toBeLessThan(5);
    expect(dryAtS.filter((atS) => atS > 20), `ran dry at ${dryAtS} s`).toEqual([]);
    expect(buffer.targetMs).toBeLessThanOrEqual(TARGET_MAX_MS);
  });

  it('skips what came too late to matter, without a click', () => {
    const { buffer, out } = play(6, { burst: (ms) => (ms > 1000 && ms < 1600 ? ms - 1000 : 0) });
    expect(buffer.bufferMs).toBeLessThan(TARGET_MAX_MS + 60);
    expect(biggestStep(out)).toBeLessThan(TONE_STEP * 2.2);
  });

  it('refuses more than it can hold and plays on', () => {
    const buffer = new JitterBuffer();
    const second = new Float32Array(SAMPLE_RATE);
    expect(buffer.push(second, second)).toBe(true);
    expect(buffer.push(second, second)).toBe(false);
    const out = new Float32Array(BLOCK);
    buffer.pull(out, out);
    expect(buffer.playing).toBe(true);
  });
});
