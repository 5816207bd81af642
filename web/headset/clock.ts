/**
 * The server's clock as seen from here, by ping: session seconds = client ms / 1000 + offset. Of the last pings
 * the one with the shortest round trip is right to within half of it. Pure.
 */

const KEEP = 16;

export interface ClockEstimate {
  readonly offsetS: number;
  readonly rttMs: number;
}

export class ClockSync {
  readonly #recent: ClockEstimate[] = [];

  /** A pong came at `nowMs` for the ping of `sentMs`, stamped `serverS` there. */
  pong(sentMs: number, serverS: number, nowMs: number): ClockEstimate | null {
    const rttMs = nowMs - sentMs;
    if (!(rttMs >= 0)) return this.estimate;
    this.#recent.push({ offsetS: serverS - (sentMs + nowMs) / 2000, rttMs });
    if (this.#recent.length > KEEP) this.#recent.shift();
    return this.estimate;
  }

  /** Forget everything: another server process may have another clock. */
  reset(): void {
    this.#recent.length = 0;
  }

  get estimate(): ClockEstimate | null {
    return this.#recent.reduce<ClockEstimate | null>((best, e) => (best && best.rttMs <= e.rttMs ? best : e), null);
  }
}
