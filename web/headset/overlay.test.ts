import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Quat, Vec3 } from '../shared/protocol';
import { around } from './math';
import { Overlay } from './overlay';
import { MicSign, micHint } from './sign';

const FRAME_MS = 1000 / 72;
const DOWN = -(25 * Math.PI) / 180;
const SEATED: Vec3 = [0, 0, 0];
const LEVEL: Quat = [0, 0, 0, 1];

/** A canvas that keeps what is written on it. */
const written: string[] = [];
beforeEach(() => {
  written.length = 0;
  const pen = new Proxy({} as Record<string, unknown>, {
    get: (kept, name) => {
      if (name === 'fillText') return (text: string) => written.push(text);
      if (name === 'measureText') return (text: string) => ({ width: text.length * 25 });
      return kept[String(name)] ?? (() => undefined);
    },
    set: () => true,
  });
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => pen }) });
});

/** An overlay, a head, and time that passes frame by frame. */
function patient() {
  const did: string[] = [];
  const overlay = new Overlay({
    stop: () => did.push('stop'),
    unwell: () => did.push('unwell'),
    switchMic: () => did.push('switch'),
  });
  let nowMs = 0;
  const live = (ms: number, orientation: Quat, pressed = false): void => {
    for (const end = nowMs + ms; nowMs < end; nowMs += FRAME_MS) {
      const head = { position: SEATED, orientation, pressed };
      overlay.press(head, nowMs, false);
      overlay.step(FRAME_MS / 1000, head);
    }
  };
  const tap = (orientation: Quat): void => {
    live(120, orientation, true);
    live(120, orientation);
  };
  return { overlay, did, live, tap };
}

describe('the microphone in VR', () => {
  it('is switched by one press with the head at its sign, and by none elsewhere', () => {
    const { overlay, did, live, tap } = patient();
    overlay.microphone({ state: 'on', listening: true, switchable: true });
    live(1000, LEVEL);
    tap(LEVEL);
    expect(did).toEqual([]);
    live(2000, LEVEL);
    live(600, around('x', DOWN));
    expect(written).toContain('Listening. Press to mute.');
    tap(around('x', DOWN));
    expect(did).toEqual(['switch']);
    live(2000, around('x', DOWN));
    tap(around('x', DOWN));
    expect(did).toEqual(['switch', 'switch']);
  });

  it('never stands between a patient and "unwell" or a stop', () => {
    const { overlay, did, live, tap } = patient();
    overlay.microphone({ state: 'on', listening: true, switchable: true });
    live(600, around('x', DOWN));
    tap(around('x', DOWN));
    tap(around('x', DOWN));
    expect(did).toEqual(['switch', 'switch', 'unwell']); // it is as it was
    live(2000, around('x', DOWN));
    live(2100, around('x', DOWN), true);
    expect(did.slice(3)).toEqual(['stop']);
  });

  it('is not switched by who has not agreed to it, whose presses mean what they always mean', () => {
    const { overlay, did, live, tap } = patient();
    overlay.microphone({ state: 'off', listening: true, switchable: false });
    live(600, around('x', DOWN));
    tap(around('x', DOWN));
    tap(around('x', DOWN));
    expect(did).toEqual(['unwell']);
  });
});

describe('its sign', () => {
  it('is not aimed at by who looks ahead, reads a caption, or glances past', () => {
    const sign = new MicSign();
    sign.tell({ state: 'on', listening: true, switchable: true });
    const look = (orientation: Quat, ms: number): boolean => {
      for (let at = 0; at < ms; at += FRAME_MS) sign.step(FRAME_MS / 1000, { position: SEATED, orientation });
      return sign.aimedAt;
    };
    expect(look(LEVEL, 1000)).toBe(false);
    expect(look(around('x', -(11 * Math.PI) / 180), 3000)).toBe(false);
    expect(look(around('x', DOWN), 200)).toBe(false);
    expect(look(LEVEL, 100)).toBe(false);
    expect(look(around('x', DOWN), 400)).toBe(true);
  });

  it('hangs there for who has agreed to a microphone, also when that is gone, and for nobody else', () => {
    const sign = new MicSign();
    const shown = (): boolean => sign.step(0.1, { position: SEATED, orientation: LEVEL }) !== null;
    sign.tell({ state: 'off', listening: true, switchable: false });
    expect(shown()).toBe(false);
    sign.tell({ state: 'on', listening: true, switchable: true });
    expect(shown()).toBe(true);
    sign.tell({ state: 'missing', listening: true, switchable: false });
    expect(shown()).toBe(true);
  });

  it('comes along when the head has turned away, by fading, and never nearer than half a metre', () => {
    const sign = new MicSign();
    sign.tell({ state: 'on', listening: true, switchable: true });
    const behind = around('y', Math.PI / 2);
    let least = 1;
    let label = sign.step(0.01, { position: SEATED, orientation: LEVEL });
    for (let at = 0; at < 4000; at += FRAME_MS) {
      label = sign.step(FRAME_MS / 1000, { position: SEATED, orientation: behind });
      least = Math.min(least, label?.opacity ?? 0);
    }
    expect(least).toBe(0);
    expect(label?.opacity).toBeCloseTo(0.6);
    expect(label?.centre[0]).toBeCloseTo(-1.6);
    expect(Math.hypot(...(label?.centre ?? SEATED))).toBeGreaterThan(0.5);
  });

  it.each([
    ['on', true, true, 'Listening. Press to mute.'],
    ['on', false, true, 'On. Press to mute.'],
    ['off', true, true, 'Muted. Press to talk.'],
    ['off', true, false, 'Microphone off'],
    ['denied', true, false, 'Microphone off'],
    ['missing', false, false, 'No microphone'],
  ] as const)('says of %s, listening %s, switchable %s: %s', (state, listening, switchable, words) => {
    expect(micHint({ state, listening, switchable })).toBe(words);
  });
});
