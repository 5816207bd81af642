/**
 * Puts together what three decoders give of one moment: the bed, and where one was announced the place. Beds leave in
 * the order in which they came; one whose place is not there in time leaves without it. Pure.
 */

const PARTS = 3;
/** A place that is later than so many beds is given up. */
const MOST_WAITING = 12;

type Pair = readonly [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];

export class Joiner {
  readonly #moments = new Map<number, (Pair | undefined)[]>();
  readonly #announced = new Set<number>();

  constructor(private readonly whole: (channels: Float32Array<ArrayBuffer>[]) => void) {}

  /** The bed of this moment has a place. */
  expect(timestamp: number): void {
    this.#announced.add(timestamp);
    for (const old of this.#announced) {
      if (this.#announced.size <= MOST_WAITING * 4) break;
      this.#announced.delete(old);
    }
  }

  /** Take what the decoder of `part` (0 bed, 1 W and Y, 2 Z and X) gave. */
  take(part: number, timestamp: number, pair: Pair): void {
    const parts = this.#moments.get(timestamp) ?? [];
    parts[part] = pair;
    this.#moments.set(timestamp, parts);
    for (const [moment, waiting] of this.#moments) {
      const complete = waiting[0] !== undefined && (!this.#announced.has(moment) || filled(waiting) === PARTS);
      if (!complete && this.#moments.size <= MOST_WAITING) break;
      this.#moments.delete(moment);
      this.#announced.delete(moment);
      const pairs = filled(waiting) === PARTS ? waiting : waiting.slice(0, 1);
      if (waiting[0] !== undefined) this.whole(pairs.flatMap((each) => (each === undefined ? [] : [...each])));
    }
  }

  /** Forget what waits: the decoders begin afresh. */
  clear(): void {
    this.#moments.clear();
    this.#announced.clear();
  }
}

function filled(parts: readonly (Pair | undefined)[]): number {
  return parts.filter((part) => part !== undefined).length;
}
