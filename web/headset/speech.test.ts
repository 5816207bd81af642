import { describe, expect, it } from 'vitest';

import { PACKET_FRAMES, type Played, SPEECH_RATE, SpeechBuffer, type SpeechPacket } from './speech';

const BLOCK = 128;
const TONE_HZ = 220;
const TONE_STEP = (2 * Math.PI * TONE_HZ) / SPEECH_RATE;
const MS = SPEECH_RATE / 1000;

const tone = (seq: number) =>
  Float32Array.from({ length: PACKET_FRAMES }, (_, i) => Math.sin((2 * Math.PI * TONE_HZ * (seq * PACKET_FRAMES + i)) / SPEECH_RATE));

const packet = (seq: number, more: Partial<SpeechPacket> = {}): SpeechPacket => ({
  utterance: 1, seq, samples: tone(seq), last: false, safety: false, inMs: 0, ...more,
}); // prettier-ignore

function utterance(buffer: SpeechBuffer, packets: number, more: Partial<SpeechPacket> = {}): void {
  for (let seq = 0; seq < packets; seq++) buffer.push(packet(seq, { last: seq === packets - 1, ...more }));
}

/** Listen for so long; returns what came out and what was told. */
function listen(buffer: SpeechBuffer, ms: number) {
  const out = new Float32Array(Math.ceil((ms * MS) / BLOCK) * BLOCK);
  const told: (Played & { readonly atMs: number })[] = [];
  for (let at = 0; at < out.length; at += BLOCK) {
    buffer.pull(out.subarray(at, at + BLOCK));
    told.push(...buffer.tell().map((played) => ({ ...played, atMs: at / MS })));
  }
  return { out, told };
}

const step = (out: Float32Array) => out.reduce((most, value, i) => Math.max(most, Math.abs(value - (out[i - 1] ?? 0))), 0);
const loud = (out: Float32Array) => Math.sqrt(out.reduce((sum, value) => sum + value * value, 0) / out.length);
/** The tone itself, and a fade of 5 ms over it. */
const NO_CLICK = TONE_STEP + 1 / (5 * MS) + 1e-4;

describe('the buffer of the guide’s voice', () => {
  it('waits for 60 ms, then plays an utterance whole and tells how much was heard', () => {
    const buffer = new SpeechBuffer();
    buffer.push(packet(0));
    buffer.push(packet(1));
    expect(loud(listen(buffer, 30).out)).toBe(0);
    for (let seq = 2; seq < 50; seq++) buffer.push(packet(seq, { last: seq === 49 }));
    const { out, told } = listen(buffer, 1200);
    expect(loud(out.subarray(0, SPEECH_RATE))).toBeCloseTo(Math.SQRT1_2, 1);
    expect(loud(out.subarray(SPEECH_RATE + BLOCK))).toBe(0);
    expect(step(out)).toBeLessThan(NO_CLICK);
    expect(told[0]).toMatchObject({ utterance: 1, ms: 0, done: false });
    expect(told.at(-1)).toMatchObject({ utterance: 1, ms: 1000, done: true });
    expect(told.length).toBeGreaterThanOrEqual(5);
    expect(told.length).toBeLessThanOrEqual(7);
    expect(buffer.underruns).toBe(0);
  });

  it('begins at once when the whole of a short utterance is there', () => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 2);
    expect(listen(buffer, 60).told.at(-1)).toMatchObject({ ms: 40, done: true });
  });

  it('does not begin before it is due', () => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 10, { inMs: 300 });
    const { out } = listen(buffer, 290);
    expect(loud(out)).toBe(0);
    expect(loud(listen(buffer, 100).out)).toBeGreaterThan(0.3);
  });

  it('speaks one utterance after another', () => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 10);
    utterance(buffer, 10, { utterance: 2 });
    const ends = listen(buffer, 500).told.filter(({ done }) => done);
    expect(ends.map(({ utterance, ms }) => [utterance, ms])).toEqual([[1, 200], [2, 200]]); // prettier-ignore
  });

  it('is silent where packets are missing, and does not click', () => {
    const buffer = new SpeechBuffer();
    for (let seq = 0; seq < 30; seq++) if (seq < 10 || seq > 12) buffer.push(packet(seq, { last: seq === 29 }));
    const { out, told } = listen(buffer, 700);
    expect(step(out)).toBeLessThan(NO_CLICK);
    expect(loud(out.subarray(10 * PACKET_FRAMES + BLOCK, 13 * PACKET_FRAMES - BLOCK))).toBe(0);
    expect(told.at(-1)).toMatchObject({ ms: 600, done: true });
  });

  it('fades when packets come too late and goes on when there are enough', () => {
    const buffer = new SpeechBuffer();
    for (let seq = 0; seq < 10; seq++) buffer.push(packet(seq));
    const dry = listen(buffer, 400);
    for (let seq = 10; seq < 20; seq++) buffer.push(packet(seq, { last: seq === 19 }));
    const rest = listen(buffer, 300);
    expect(step(dry.out)).toBeLessThan(NO_CLICK);
    expect(step(rest.out)).toBeLessThan(NO_CLICK);
    expect(buffer.underruns).toBe(1);
    expect(rest.told.at(-1)).toMatchObject({ ms: 400, done: true });
  });

  it('does not wait for ever for the end of an utterance when another has come', () => {
    const buffer = new SpeechBuffer();
    for (let seq = 0; seq < 5; seq++) buffer.push(packet(seq));
    listen(buffer, 200);
    utterance(buffer, 5, { utterance: 2 });
    expect(listen(buffer, 200).told.filter(({ done }) => done).map((p) => p.utterance)).toEqual([1, 2]);
  });

  it.each([[0], [1]])('is silent 30 ms after a hush of %i, for good, and tells what was heard', (which) => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 100);
    const before = listen(buffer, 500);
    buffer.hush(which, 0.03, 1);
    const after = listen(buffer, 1000);
    expect(step(Float32Array.of(...before.out, ...after.out))).toBeLessThan(NO_CLICK);
    expect(loud(after.out.subarray(0, 20 * MS))).toBeGreaterThan(0.2);
    expect(loud(after.out.subarray(33 * MS))).toBe(0);
    const end = after.told.at(-1);
    expect(end?.done).toBe(true);
    expect(end?.ms).toBeGreaterThan(500);
    expect(end?.ms).toBeLessThan(540);
    expect(before.told.every(({ done }) => !done)).toBe(true);
    for (let seq = 100; seq < 120; seq++) buffer.push(packet(seq)); // they were under way
    expect(loud(listen(buffer, 300).out)).toBe(0);
    utterance(buffer, 10, { utterance: 2 });
    expect(loud(listen(buffer, 200).out)).toBeGreaterThan(0.5);
  });

  it('tells that what waited for its turn was not heard at all', () => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 50);
    utterance(buffer, 50, { utterance: 2 });
    listen(buffer, 100);
    buffer.hush(0, 0.03, 2);
    expect(listen(buffer, 100).told.filter(({ done }) => done)).toEqual([
      expect.objectContaining({ utterance: 2, ms: 0 }),
      expect.objectContaining({ utterance: 1 }),
    ]);
  });

  it('lets only safety lines through when told so', () => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 50);
    listen(buffer, 100);
    buffer.safeOnly(true, 0.18);
    const { out } = listen(buffer, 400);
    expect(loud(out.subarray(185 * MS))).toBe(0);
    utterance(buffer, 10, { utterance: 2 });
    expect(loud(listen(buffer, 300).out)).toBe(0);
    utterance(buffer, 10, { utterance: 3, safety: true });
    expect(loud(listen(buffer, 200).out)).toBeGreaterThan(0.5);
    buffer.safeOnly(false, 0);
    utterance(buffer, 10, { utterance: 4 });
    expect(loud(listen(buffer, 200).out)).toBeGreaterThan(0.5);
  });

  it('steps back by 12 dB while the patient may be speaking, and comes back', () => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 100);
    listen(buffer, 200);
    buffer.soften(true);
    const { out } = listen(buffer, 400);
    expect(step(out)).toBeLessThan(NO_CLICK);
    expect(20 * Math.log10(loud(out.subarray(100 * MS)) / Math.SQRT1_2)).toBeCloseTo(-12, 0);
    buffer.soften(false);
    expect(loud(listen(buffer, 400).out.subarray(100 * MS))).toBeCloseTo(Math.SQRT1_2, 1);
  });

  it('begins afresh with a server that counts from 1 again', () => {
    const buffer = new SpeechBuffer();
    utterance(buffer, 50, { utterance: 9 });
    listen(buffer, 100);
    buffer.hush(0, 0.03, 9);
    listen(buffer, 100);
    buffer.reset();
    utterance(buffer, 10, { utterance: 1 });
    expect(loud(listen(buffer, 200).out)).toBeGreaterThan(0.5);
  });

  it('holds two minutes and no more', () => {
    const buffer = new SpeechBuffer();
    for (let seq = 0; seq < 6500; seq++) buffer.push(packet(seq, { samples: new Float32Array(PACKET_FRAMES) }));
    expect(buffer.bufferMs).toBe(120_000);
  });
});
