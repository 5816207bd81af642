/**
 * The sound's small adaptive buffer. It turns packets that come unevenly into an even stream:
 *
 * - it holds 60–260 ms, more after it ran low, slowly less again while all is well;
 * - it follows the difference of two crystals by playing up to 0.3 % faster or slower (5 cents: inaudible);
 * - when it runs dry it fades out over the last samples it has and fades in when it has filled again; a jump in
 *   the stream is joined by a short fade; too much is skipped by a cross-fade. It never clicks.
 *
 * Pure: samples in, samples out; runs in the worklet and in tests.
 */

export const SAMPLE_RATE = 48_000;
const MS = SAMPLE_RATE / 1000;
const CAPACITY = 1 << 16; // 1.36 s, a power of two so that an index wraps with a mask
const MASK = CAPACITY - 1;

export const TARGET_MIN_MS = 60;
export const TARGET_MAX_MS = 260;
const TARGET_START_MS = 80;
const RAISE_MS = 40;
const LOW_WATER_MS = 15;
const WINDOW_MS = 2000;
const SHRINK_MS_PER_WINDOW = 1;
const FADE_OUT = 8 * MS;
const FADE_IN = 30 * MS;
const SPLICE = 4 * MS;
/** Too much: at once above this, or when never less than this beyond the target for a whole window. */
const SKIP_ABOVE_MS = 450;
const SKIP_EXCESS_MS = 40;
const SKIP_FADE = 20 * MS;
const MAX_STRETCH = 0.003;

export class JitterBuffer {
  readonly #rings: readonly Float32Array[];
  /** Next write index and read position, both counted since the start (masked on access); `#read` has a fraction. */
  #write = 0;
  #read = 2;
  #playing = false;
  #gain = 0;
  #targetMs = TARGET_START_MS;
  #rate = 1;
  #skip = { left: 0, by: 0 };
  #spliceNext = false;
  #lowestMs = Number.POSITIVE_INFINITY;
  #sinceCheck = 0;
  underruns = 0;

  /** As many channels go in and come out. */
  constructor(channels = 2) {
    this.#rings = Array.from({ length: channels }, () => new Float32Array(CAPACITY));
  }

  get bufferMs(): number {
    return Math.max(0, this.#write - this.#read) / MS;
  }

  get targetMs(): number {
    return this.#targetMs;
  }

  get playing(): boolean {
    return this.#playing;
  }

  /** The next samples do not continue the last ones (packets were lost, the server restarted). */
  gap(): void {
    const n = Math.min(SPLICE, Math.floor(this.#write - this.#read) - 2);
    for (let i = 0; i < n; i++) {
      const at = (this.#write - 1 - i) & MASK;
      for (const ring of this.#rings) ring[at] = (ring[at] ?? 0) * (i / n);
    }
    this.#spliceNext = true;
  }

  /**
   * Append samples; all channels have the same length, one that is missing is silent. What does not fit (more than a
   * second) is refused.
   */
  push(...channels: readonly Float32Array[]): boolean {
    const n = Math.min(...channels.map((channel) => channel.length));
    if (this.#write + n - this.#read > CAPACITY - 8) return false;
    const fade = this.#spliceNext ? Math.min(SPLICE, n) : 0;
    this.#spliceNext = false;
    for (let i = 0; i < n; i++) {
      const gain = i < fade ? i / fade : 1;
      const at = (this.#write + i) & MASK;
      this.#rings.forEach((ring, channel) => (ring[at] = (channels[channel]?.[i] ?? 0) * gain));
    }
    this.#write += n;
    return true;
  }

  /** Fill the channels (same length). Silence while the buffer fills. */
  pull(...channels: readonly Float32Array[]): void {
    const n = channels[0]?.length ?? 0;
    this.#decide();
    if (!this.#playing) {
      for (const channel of channels) channel.fill(0);
      return;
    }
    for (let i = 0; i < n; i++) this.#sample(channels, i);
    this.#adapt(n);
  }

  #decide(): void {
    if (!this.#playing) {
      if (this.bufferMs < this.#targetMs) return;
      this.#playing = true;
      this.#gain = 0;
      this.#rate = 1;
    }
    const excessMs = this.bufferMs - this.#targetMs;
    if (this.bufferMs > SKIP_ABOVE_MS) this.#jump(excessMs);
    const wanted = 1 + Math.max(-MAX_STRETCH, Math.min(MAX_STRETCH, excessMs * 1e-4));
    this.#rate += (wanted - this.#rate) * 0.02; // glides over ~130 ms, so the pitch does not step
  }

  /** Cross-fade to `ms` later in the stream. */
  #jump(ms: number): void {
    const by = Math.floor(ms * MS) - SKIP_FADE;
    if (this.#skip.left === 0 && by > 0) this.#skip = { left: SKIP_FADE, by };
  }

  #sample(channels: readonly Float32Array[], i: number): void {
    const remaining = this.#write - this.#read - 3; // three more are needed to interpolate
    if (this.#playing && remaining <= 0) this.#runDry();
    if (!this.#playing) {
      for (const channel of channels) channel[i] = 0;
      return;
    }
    // near the end the gain may not exceed what can still fade to nothing
    this.#gain = Math.min(this.#gain + 1 / FADE_IN, 1, remaining / FADE_OUT);
    const skipped = this.#skip.left > 0 ? 1 - this.#skip.left / SKIP_FADE : 0;
    for (let channel = 0; channel < channels.length; channel++) {
      const [ring, out] = [this.#rings[channel], channels[channel]];
      if (ring === undefined || out === undefined) continue;
      let value = hermite(ring, this.#read);
      if (this.#skip.left > 0) value += (hermite(ring, this.#read + this.#skip.by) - value) * skipped;
      out[i] = value * this.#gain;
    }
    if (this.#skip.left > 0 && --this.#skip.left === 0) this.#read += this.#skip.by;
    this.#read += this.#rate;
  }

  #runDry(): void {
    this.#playing = false;
    this.#gain = 0;
    this.#skip = { left: 0, by: 0 };
    this.underruns++;
    this.#targetMs = Math.min(TARGET_MAX_MS, this.#targetMs + RAISE_MS);
    this.#lowestMs = Number.POSITIVE_INFINITY;
    this.#sinceCheck = 0;
  }

  #adapt(n: number): void {
    this.#lowestMs = Math.min(this.#lowestMs, this.bufferMs);
    this.#sinceCheck += n / MS;
    if (this.#sinceCheck < WINDOW_MS) return;
    if (this.#lowestMs < LOW_WATER_MS) this.#targetMs = Math.min(TARGET_MAX_MS, this.#targetMs + RAISE_MS / 2);
    else this.#targetMs = Math.max(TARGET_MIN_MS, this.#targetMs - SHRINK_MS_PER_WINDOW);
    const alwaysMs = this.#lowestMs - this.#targetMs;
    if (alwaysMs > SKIP_EXCESS_MS) this.#jump(alwaysMs);
    this.#sinceCheck = 0;
    this.#lowestMs = Number.POSITIVE_INFINITY;
  }
}

/** Third-order Hermite interpolation between four neighbours (Catmull-Rom tangents). */
function hermite(ring: Float32Array, position: number): number {
  const index = Math.floor(position);
  const t = position - index;
  const a = ring[(index - 1) & MASK] ?? 0;
  const b = ring[index & MASK] ?? 0;
  const c = ring[(index + 1) & MASK] ?? 0;
  const d = ring[(index + 2) & MASK] ?? 0;
  const m1 = (c - a) / 2;
  const m2 = (d - b) / 2;
  const c2 = 3 * (c - b) - 2 * m1 - m2;
  const c3 = 2 * (b - c) + m1 + m2;
  return b + t * (m1 + t * (c2 + t * c3));
}
