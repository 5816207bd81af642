/** How long to wait before connecting again: grows from 0.25 s to 5 s, with jitter so that a restarted server is not stormed. */
export class Backoff {
  static readonly FIRST_MS = 250;
  static readonly LAST_MS = 5000;
  static readonly GROWTH = 1.8;
  #nextMs = Backoff.FIRST_MS;

  /** @param random uniform in 0…1 */
  constructor(private readonly random: () => number) {}

  /** The next wait: 75–125 % of the step. */
  nextMs(): number {
    const wait = this.#nextMs * (0.75 + 0.5 * this.random());
    this.#nextMs = Math.min(Backoff.LAST_MS, this.#nextMs * Backoff.GROWTH);
    return wait;
  }

  /** Call when a connection has proved good. */
  reset(): void {
    this.#nextMs = Backoff.FIRST_MS;
  }
}
