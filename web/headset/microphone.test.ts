import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { MicState } from '../shared/control';
import { Microphone, micWords } from './microphone';

class Track extends EventTarget {
  live = true;
  stop(): void {
    this.live = false;
  }
}

let tracks: Track[] = [];
let answers: (() => void)[] = [];
beforeEach(() => {
  tracks = [];
  answers = [];
  const getUserMedia = async () => {
    await new Promise<void>((answered) => answers.push(answered));
    const track = new Track();
    tracks.push(track);
    return { getTracks: () => [track] };
  };
  vi.stubGlobal('AudioEncoder', class {});
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } });
});

function microphone() {
  const states: MicState[] = [];
  return { states, mic: new Microphone({} as AudioContext, (state) => states.push(state)) };
}

describe('the microphone', () => {
  it('may be switched without asking once the patient has agreed, until the end', async () => {
    const { mic, states } = microphone();
    expect(mic.agreed).toBe(false);
    const agreeing = mic.agree();
    answers.at(-1)?.();
    expect(await agreeing).toBe('on');
    expect(mic.agreed).toBe(true);
    mic.release();
    expect([mic.state, mic.agreed, mic.wanted]).toEqual(['off', true, false]);
    mic.end();
    expect(mic.agreed).toBe(false);
    expect(states).toEqual(['on', 'off']);
  });

  it.each(['release', 'end'] as const)('lets a device go that comes after a %s', async (how) => {
    const { mic, states } = microphone();
    const agreeing = mic.agree();
    mic[how]();
    answers.at(-1)?.();
    expect(await agreeing).toBe('off');
    expect(tracks.map(({ live }) => live)).toEqual([false]);
    expect(states).toEqual([]);
  });

  it('opens one device for two presses', async () => {
    const { mic } = microphone();
    const first = mic.agree();
    const second = mic.agree();
    answers.forEach((answered) => answered());
    await Promise.all([first, second]);
    expect(tracks).toHaveLength(1);
    expect(mic.state).toBe('on');
  });

  it('is told to a screen reader with whether it is heard', () => {
    expect(micWords('on', true)).toBe('Microphone on, the guide listens');
    expect(micWords('on', false)).toBe('Microphone on');
    expect(micWords('off', true)).toBe('Microphone off');
  });
});
