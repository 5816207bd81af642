/** Words that belong to an utterance appear when it starts being heard, and at the latest after a moment. */

/** Sound may be shut, or the packets late: words that nobody hears are still to be read. */
const LATEST_MS = 2500;
const KEEP = 16;

interface Held {
  readonly utterance: number;
  readonly text: string;
  readonly forS: number;
  readonly latestMs: number;
}

export class Captions {
  #held: Held[] = [];

  constructor(private readonly show: (text: string, forS: number) => void) {}

  add(text: string, forS: number, utterance: number, nowMs: number): void {
    if (utterance === 0) this.show(text, forS);
    else this.#held = [...this.#held, { utterance, text, forS, latestMs: nowMs + LATEST_MS }].slice(-KEEP);
  }

  /** So much of an utterance was heard; one that ended unheard needs no words. */
  played(utterance: number, ms: number, done: boolean): void {
    const silent = done && ms === 0;
    this.#release((held) => held.utterance === utterance, !silent);
  }

  /** A long utterance before it is a good reason to wait, silence is none. */
  step(nowMs: number, speaking: boolean): void {
    if (!speaking) this.#release((held) => held.latestMs <= nowMs, true);
  }

  /** Forget the words of an utterance that is not to be heard; 0: of all. */
  drop(utterance: number): void {
    this.#release((held) => utterance === 0 || held.utterance === utterance, false);
  }

  #release(which: (held: Held) => boolean, shown: boolean): void {
    const due = this.#held.filter(which);
    if (due.length === 0) return;
    this.#held = this.#held.filter((held) => !which(held));
    if (shown) for (const { text, forS } of due) this.show(text, forS);
  }
}
