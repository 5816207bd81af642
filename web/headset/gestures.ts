/** Ways to stop, and to say "I feel unwell", without looking for a button. Pure: what is pressed and the time in, the decision out. */

/** Hold any controller button (or a pinch) for two seconds. */
export class HoldToStop {
  static readonly HOLD_MS = 2000;
  #sinceMs: number | null = null;
  #fired = false;

  /** How far the hold has come, 0…1. 1 is returned exactly once per hold. */
  step(pressed: boolean, nowMs: number): number {
    if (!pressed) {
      this.#sinceMs = null;
      this.#fired = false;
      return 0;
    }
    this.#sinceMs ??= nowMs;
    const progress = Math.min(1, (nowMs - this.#sinceMs) / HoldToStop.HOLD_MS);
    if (progress < 1) return progress;
    if (this.#fired) return 0;
    this.#fired = true;
    return 1;
  }
}

/** Press a key twice within 1.5 s. */
export class PressTwice {
  static readonly WITHIN_MS = 1500;
  #firstMs = Number.NEGATIVE_INFINITY;

  /** A press: true if it is the second of two. */
  press(nowMs: number): boolean {
    const second = nowMs - this.#firstMs <= PressTwice.WITHIN_MS;
    this.#firstMs = second ? Number.NEGATIVE_INFINITY : nowMs;
    return second;
  }
}

/** Press any controller button briefly (or pinch), twice within 1.5 s: the patient feels unwell. */
export class TapTwice {
  /** Longer is a hold, which may be on its way to a stop. */
  static readonly SHORT_MS = 500;
  readonly #twice = new PressTwice();
  #sinceMs: number | null = null;

  /** What the present frame's buttons mean: a first tap, the second of two, or nothing new. */
  step(pressed: boolean, nowMs: number): 'first' | 'second' | null {
    if (pressed) {
      this.#sinceMs ??= nowMs;
      return null;
    }
    const sinceMs = this.#sinceMs;
    this.#sinceMs = null;
    if (sinceMs === null || nowMs - sinceMs > TapTwice.SHORT_MS) return null;
    return this.#twice.press(nowMs) ? 'second' : 'first';
  }
}
