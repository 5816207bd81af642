import { describe, expect, it } from 'vitest';

import { HoldToStop, PressTwice, TapTwice } from './gestures';
import { type Mix, OLD_AFTER_MS, Presence, STALE_AFTER_MS } from './presence';

const STEP_MS = 10;

/** Run `presence` from `fromMs` to `toMs` at 100 Hz with a frame every `everyMs` (0: none); returns all mixes. */
function run(presence: Presence, fromMs: number, toMs: number, everyMs = 30, ageMs: number | null = 40): Mix[] {
  const mixes: Mix[] = [];
  for (let ms = fromMs; ms < toMs; ms += STEP_MS) {
    if (everyMs > 0 && ms % everyMs === 0) presence.frameArrived(ms, ageMs);
    mixes.push(presence.step(ms));
  }
  return mixes;
}

const steps = (mixes: Mix[], what: keyof Mix) => mixes.slice(1).map((mix, i) => mix[what] - (mixes[i]?.[what] ?? 0));
const last = (mixes: Mix[]) => mixes.at(-1) as Mix;

describe('the place', () => {
  it('appears over three seconds once frames flow', () => {
    const presence = new Presence();
    const mixes = run(presence, 0, 5000);
    expect(mixes[40]?.picture).toBe(0);
    expect(mixes[200]?.picture).toBeLessThan(0.6);
    expect(last(mixes)).toEqual({ picture: 1, safe: 0 });
  });

  it('gives way when the newest frame is old, comes back when frames flow again, and never cuts', () => {
    const presence = new Presence();
    run(presence, 0, 5000);
    const away = run(presence, 5000, 7000, 0);
    expect(away.findIndex((mix) => mix.picture < 1) * STEP_MS).toBeGreaterThanOrEqual(OLD_AFTER_MS - 60);
    expect(away.findIndex((mix) => mix.picture < 1) * STEP_MS).toBeLessThanOrEqual(OLD_AFTER_MS + 20);
    expect(last(away).picture).toBe(0);
    const back = run(presence, 7000, 9500);
    expect(last(back).picture).toBe(1);
    for (const step of steps([...away, ...back], 'picture')) expect(Math.abs(step)).toBeLessThan(0.03);
  });

  it('does not pulse with a stutter: one late frame after another keeps it away', () => {
    const presence = new Presence();
    run(presence, 0, 5000);
    run(presence, 5000, 7000, 0);
    const stutter = run(presence, 7000, 15000, 300);
    expect(Math.max(...stutter.map((mix) => mix.picture))).toBe(0);
  });

  it('gives way at once when the link drops', () => {
    const presence = new Presence();
    run(presence, 0, 5000);
    presence.linkDropped();
    expect(run(presence, 5000, 5050, 0).at(-1)?.picture).toBeLessThan(1);
  });

  it('does not show what flows but was rendered long ago', () => {
    const presence = new Presence();
    expect(last(run(presence, 0, 6000, 30, STALE_AFTER_MS + 1)).picture).toBe(0);
    expect(last(run(presence, 6000, 11000, 30, null)).picture).toBe(1);
  });

  it('does not cut after the page itself stood still', () => {
    const presence = new Presence();
    run(presence, 0, 5000);
    presence.step(9000);
    expect(presence.step(9010).picture).toBeGreaterThan(0.8);
  });
});

describe('stop', () => {
  it('shows the safe picture within 250 ms, for good, and falls smoothly', () => {
    const presence = new Presence();
    run(presence, 0, 5000);
    presence.stop();
    const mixes = run(presence, 5000, 5250);
    expect(last(mixes).safe).toBe(1);
    for (const step of steps(mixes, 'safe')) expect(step).toBeLessThan(0.1);
    presence.setSafe(false, 1);
    expect(last(run(presence, 5250, 9000)).safe).toBe(1);
  });

  it('holds its time on a display that stutters', () => {
    const presence = new Presence();
    run(presence, 0, 5000);
    presence.stop();
    presence.step(5100);
    expect(presence.step(5200).safe).toBe(1);
  });
});

describe('the server’s safe picture', () => {
  it('comes and goes as slowly as asked, never faster than a stop, and never returns in a cut', () => {
    const presence = new Presence();
    run(presence, 0, 5000);
    presence.setSafe(true, 0);
    const on = run(presence, 5000, 5300);
    expect(last(on).safe).toBe(1);
    presence.setSafe(false, 0);
    const off = run(presence, 5300, 6500);
    expect(last(off).safe).toBe(0);
    for (const step of steps([...on, ...off], 'safe')) expect(Math.abs(step)).toBeLessThan(0.1);
  });
});

describe('gestures', () => {
  it('stop after a hold of two seconds, once', () => {
    const hold = new HoldToStop();
    const progress = Array.from({ length: 400 }, (_, i) => hold.step(true, i * 10));
    expect(progress.filter((value) => value === 1)).toHaveLength(1);
    expect(progress.indexOf(1)).toBe(200);
    expect(hold.step(false, 4000)).toBe(0);
  });

  it('do not add up short holds', () => {
    const hold = new HoldToStop();
    for (let ms = 0; ms < 10_000; ms += 10) expect(hold.step(ms % 1500 < 1400, ms)).toBeLessThan(1);
  });

  it('take two presses within a second and a half', () => {
    const twice = new PressTwice();
    expect([0, 2000, 3000, 3100, 5200].map((ms) => twice.press(ms))).toEqual([false, false, true, false, false]);
  });
});

describe('two taps', () => {
  /** Buttons as a list of [pressed, until ms], at 90 frames a second. */
  function taps(course: readonly (readonly [boolean, number])[]): (string | null)[] {
    const gesture = new TapTwice();
    const said: (string | null)[] = [];
    let ms = 0;
    for (const [pressed, untilMs] of course) for (; ms < untilMs; ms += 11) said.push(gesture.step(pressed, ms));
    return said.filter((word) => word !== null);
  }

  it('say that the patient feels unwell', () => {
    expect(taps([[true, 200], [false, 700], [true, 900], [false, 1200]])).toEqual(['first', 'second']); // prettier-ignore
  });

  it('are two short ones, close together: a hold on its way to a stop is none', () => {
    expect(taps([[true, 200], [false, 3000], [true, 3200], [false, 3500]])).toEqual(['first', 'first']); // prettier-ignore
    expect(taps([[true, 900], [false, 1200]])).toEqual([]); // prettier-ignore
  });

  it('begin anew after the second', () => {
    expect(taps([[true, 100], [false, 300], [true, 400], [false, 600], [true, 700], [false, 900]])).toEqual(['first', 'second', 'first']); // prettier-ignore
  });
});
