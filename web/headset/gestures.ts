/** Two ways to stop without looking for a button. Pure: what is pressed and the time in, the decision out. */

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
