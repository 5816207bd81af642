/**
 * What the patient sees now: the server's picture, the local calm place, or the safe picture, and how far each
 * has faded in. Pure: facts and the time in, opacities out. Nothing is ever cut.
 */

/** A picture that nothing newer follows is old after this long (a chosen figure: about the longest unnoticed stall). */
export const OLD_AFTER_MS = 250;
/** Pictures that flow but were rendered longer ago than this are old news from a clogged pipe. */
export const STALE_AFTER_MS = 1000;
/** Frames must flow this long before the place comes back, so that a stutter does not make it pulse. */
export const STEADY_FOR_MS = 500;
export const STEADY_FRAMES = 4;
/** Stop: the safe picture is fully there. The whole budget, touch to dark, is 250 ms. */
export const STOP_FADE_S = 0.2;
const FIRST_FADE_S = 3;
const RETURN_FADE_S = 1;
const AWAY_FADE_S = 0.8;
/** One late display frame must not become a cut: a fade (except a stop's) advances by this much at a time. */
const MAX_STEP_S = 0.08;

export interface Mix {
  /** Opacity of the server's picture over the calm place. */
  readonly picture: number;
  /** Opacity of the safe picture over everything. */
  readonly safe: number;
}

export class Presence {
  #lastFrameMs = Number.NEGATIVE_INFINITY;
  #steadySinceMs = Number.POSITIVE_INFINITY;
  #steadyFrames = 0;
  #here = false;
  #everHere = false;
  #picture = 0;
  #safe = 0;
  #safeWanted = false;
  #safeFadeS = STOP_FADE_S;
  #stopped = false;
  #lastStepMs: number | null = null;

  get stopped(): boolean {
    return this.#stopped;
  }

  /** The server's place is (coming) there. */
  get here(): boolean {
    return this.#here;
  }

  /** The server's place was there once. */
  get everHere(): boolean {
    return this.#everHere;
  }

  /** A picture came, rendered `ageMs` ago as far as the clocks tell (null: not known yet). */
  frameArrived(nowMs: number, ageMs: number | null): void {
    const stale = ageMs !== null && ageMs > STALE_AFTER_MS;
    if (stale || nowMs - this.#lastFrameMs > OLD_AFTER_MS) {
      this.#steadySinceMs = nowMs;
      this.#steadyFrames = 0;
    }
    if (stale) return;
    this.#lastFrameMs = nowMs;
    this.#steadyFrames++;
  }

  /** The link is gone: do not wait for the frame to grow old. */
  linkDropped(): void {
    this.#lastFrameMs = Number.NEGATIVE_INFINITY;
  }

  /** The patient (or the server, for good) stops: the safe picture, at once, until the page starts afresh. */
  stop(): void {
    this.#stopped = true;
    this.#safeWanted = true;
    this.#safeFadeS = STOP_FADE_S;
  }

  /** The server asks for the safe picture, or takes it back. A stop is not taken back. */
  setSafe(on: boolean, fadeS: number): void {
    if (this.#stopped) return;
    this.#safeWanted = on;
    // off is never a cut either; on may be as fast as a stop, which is no brighter than what was there
    this.#safeFadeS = on ? Math.max(STOP_FADE_S, fadeS) : Math.max(RETURN_FADE_S, fadeS);
  }

  /** Advance to `nowMs` and say what to draw. */
  step(nowMs: number): Mix {
    const dtS = this.#lastStepMs === null ? 0 : Math.max(0, nowMs - this.#lastStepMs) / 1000;
    this.#lastStepMs = nowMs;
    this.#decide(nowMs);
    const firstTime = !this.#everHere;
    const comeS = firstTime ? FIRST_FADE_S : RETURN_FADE_S;
    const calmDtS = Math.min(dtS, MAX_STEP_S);
    this.#picture = approach(this.#picture, this.#here ? 1 : 0, calmDtS / (this.#here ? comeS : AWAY_FADE_S));
    if (this.#picture === 1) this.#everHere = true;
    const safeDtS = this.#stopped ? dtS : calmDtS;
    this.#safe = approach(this.#safe, this.#safeWanted ? 1 : 0, safeDtS / this.#safeFadeS);
    return { picture: smooth(this.#picture), safe: smooth(this.#safe) };
  }

  #decide(nowMs: number): void {
    if (nowMs - this.#lastFrameMs > OLD_AFTER_MS) this.#here = false;
    else if (nowMs - this.#steadySinceMs >= STEADY_FOR_MS && this.#steadyFrames >= STEADY_FRAMES) this.#here = true;
  }
}

function approach(value: number, goal: number, step: number): number {
  return goal > value ? Math.min(goal, value + step) : Math.max(goal, value - step);
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}
