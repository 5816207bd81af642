/**
 * The guide's voice on its way to the ear. Utterances are heard one after another; one starts when it is due and enough
 * of it is there. A packet that is missing is silence, an end that was not foreseen is a fade: it never clicks. A hush
 * fades what is heard and forgets the rest. Pure: samples in, samples out, and how much was heard.
 */

export const SPEECH_RATE = 48_000;
const MS = SPEECH_RATE / 1000;
export const PACKET_FRAMES = 20 * MS;
const START_MS = 60;
const FADE = 5 * MS;
/** More than the server may send ahead: two minutes. */
const CAPACITY = 120 * SPEECH_RATE;
/** A longer gap than half a second is not worth waiting for. */
const MAX_MISSING = 25;
const TELL_EVERY = 200 * MS;
const MIN_HUSH_S = 0.005;
const MAX_HUSH_S = 0.2;
/** The patient may be speaking: 12 dB less, over 30 ms. */
const SOFT = 0.25;
const SOFT_STEP = (1 - SOFT) / (30 * MS);
/** A due time further away than this is a clock that is wrong. */
const MAX_WAIT_MS = 5000;

export interface SpeechPacket {
  readonly utterance: number;
  readonly seq: number;
  readonly samples: Float32Array;
  readonly last: boolean;
  readonly safety: boolean;
  /** When it is due, from now. */
  readonly inMs: number;
}

/** How much of an utterance was heard; `done`: no more of it will be. */
export interface Played {
  readonly utterance: number;
  readonly ms: number;
  readonly done: boolean;
}

interface Waiting extends Omit<SpeechPacket, 'inMs'> {
  /** When it is due, on the clock of `#now`. */
  readonly dueAt: number;
}

export class SpeechBuffer {
  #queue: Waiting[] = [];
  /** Samples in the queue, those already played of its first packet included. */
  #frames = 0;
  #at = 0;
  #now = 0;
  #current: number | null = null;
  #currentSafety = false;
  #played = 0;
  #running = false;
  #gain = 0;
  #level = 1;
  #soft = false;
  #safeOnly = false;
  #fade: { left: number; readonly of: number } | null = null;
  #untold = 0;
  #told: Played[] = [];
  readonly #hushed = new Set<number>();
  #hushedThrough = 0;
  underruns = 0;

  get playing(): boolean {
    return this.#running;
  }

  get bufferMs(): number {
    return (this.#frames - this.#at) / MS;
  }

  push(packet: SpeechPacket): void {
    const { utterance, seq, last, safety } = packet;
    if (utterance <= this.#hushedThrough || this.#hushed.has(utterance)) return;
    if (this.#safeOnly && !safety) {
      this.#forget(utterance);
      return;
    }
    if (this.#frames + packet.samples.length > CAPACITY) return;
    const samples = packet.samples.slice();
    const dueAt = this.#now + Math.max(0, Math.min(MAX_WAIT_MS, packet.inMs)) * MS;
    const before = this.#queue.at(-1);
    if (before?.utterance === utterance) {
      if (seq <= before.seq) return;
      if (seq > before.seq + 1) this.#bridge(before, Math.min(MAX_MISSING, seq - before.seq - 1), samples);
    }
    this.#append({ utterance, seq, samples, last, safety, dueAt });
  }

  /** Fade an utterance (0: all there are, up to `through`) and forget what waits of it. */
  hush(utterance: number, fadeS: number, through = 0): void {
    if (utterance === 0) this.#hushedThrough = Math.max(this.#hushedThrough, through, this.#current ?? 0, ...this.#queue.map((p) => p.utterance));
    else this.#hushed.add(utterance);
    this.#drop((id) => id !== this.#current && (utterance === 0 || id === utterance));
    if (this.#current !== null && (utterance === 0 || utterance === this.#current)) this.#fadeOut(fadeS);
  }

  /** Only safety lines are heard: the safe picture is there, or the patient has stopped. */
  safeOnly(on: boolean, fadeS: number): void {
    this.#safeOnly = on;
    if (!on) return;
    const unsafe = new Set(this.#queue.filter((p) => !p.safety && p.utterance !== this.#current).map((p) => p.utterance));
    this.#drop((id) => unsafe.has(id));
    if (this.#current !== null && !this.#currentSafety) this.#fadeOut(fadeS);
  }

  soften(on: boolean): void {
    this.#soft = on;
  }

  /** The server begins afresh: so do its numbers. */
  reset(): void {
    this.#drop((id) => id !== this.#current);
    if (this.#current !== null) this.#fadeOut(0);
    this.#hushed.clear();
    this.#hushedThrough = 0;
  }

  /** Fill `out`. */
  pull(out: Float32Array): void {
    let ahead = this.#ready();
    for (let i = 0; i < out.length; i++) {
      if (!this.#running) {
        out[i] = 0;
        continue;
      }
      out[i] = this.#sample(ahead);
      ahead--;
      if (this.#fade?.left === 0 || ahead <= 0) {
        this.#ended();
        ahead = 0;
      }
    }
    this.#now += out.length;
  }

  /** What is new of what was heard: at the start, about every 200 ms, at the end. */
  tell(): readonly Played[] {
    if (this.#current !== null && this.#untold >= TELL_EVERY) this.#note(false);
    const told = this.#told;
    if (told.length > 0) this.#told = [];
    return told;
  }

  #bridge(before: Waiting, missing: number, after: Float32Array): void {
    const { samples } = before;
    const from = before === this.#queue[0] ? this.#at : 0;
    const n = Math.min(FADE, samples.length - from);
    for (let i = 0; i < n; i++) {
      const end = samples.length - 1 - i;
      samples[end] = (samples[end] ?? 0) * (i / n);
    }
    for (let i = 0; i < Math.min(FADE, after.length); i++) after[i] = (after[i] ?? 0) * (i / FADE);
    const silence = new Float32Array(missing * PACKET_FRAMES);
    this.#append({ ...before, seq: before.seq + missing, samples: silence, last: false });
  }

  #append(packet: Waiting): void {
    this.#queue.push(packet);
    this.#frames += packet.samples.length;
  }

  #keep(which: (packet: Waiting) => boolean): void {
    this.#queue = this.#queue.filter(which);
    this.#frames = this.#queue.reduce((sum, { samples }) => sum + samples.length, 0);
  }

  /** Begin if there is enough; returns how many samples can be heard without a break, or that they are enough. */
  #ready(): number {
    const head = this.#queue[0];
    if (head === undefined) return 0;
    let ahead = -this.#at;
    let whole = false;
    for (const packet of this.#queue) {
      if (packet.utterance !== head.utterance) whole = true;
      if (whole || ahead >= START_MS * MS) break;
      ahead += packet.samples.length;
      whole = packet.last;
    }
    if (this.#running || this.#now < head.dueAt) return ahead;
    if (!whole && ahead < START_MS * MS) return ahead;
    this.#begin(head);
    return ahead;
  }

  #begin(head: Waiting): void {
    const again = this.#current === head.utterance;
    if (!again && this.#current !== null) this.#note(true);
    this.#running = true;
    this.#gain = 0;
    this.#current = head.utterance;
    this.#currentSafety = head.safety;
    if (again) return;
    this.#played = 0;
    this.#note(false);
  }

  #sample(ahead: number): number {
    const packet = this.#queue[0];
    if (packet === undefined) return 0;
    const value = packet.samples[this.#at] ?? 0;
    this.#gain = Math.min(1, this.#gain + 1 / FADE, ahead / FADE);
    const wanted = this.#soft ? SOFT : 1;
    this.#level += Math.max(-SOFT_STEP, Math.min(SOFT_STEP, wanted - this.#level));
    let faded = 1;
    if (this.#fade !== null) faded = --this.#fade.left / this.#fade.of;
    this.#played++;
    this.#untold++;
    if (++this.#at >= packet.samples.length) this.#next(packet);
    return value * this.#gain * this.#level * faded;
  }

  #next(packet: Waiting): void {
    this.#queue.shift();
    this.#frames -= packet.samples.length;
    this.#at = 0;
    if (!packet.last) return;
    this.#note(true);
    this.#current = null;
  }

  /** Nothing more can be heard now: an utterance's end, a hush, or packets that come too late. */
  #ended(): void {
    this.#running = false;
    if (this.#fade !== null) {
      const gone = this.#current;
      this.#fade = null;
      if (gone !== null) {
        this.#note(true);
        this.#current = null;
        this.#keep(({ utterance }) => utterance !== gone);
        this.#at = 0;
      }
    } else if (this.#current !== null) {
      this.underruns++;
    }
  }

  #fadeOut(fadeS: number): void {
    if (!this.#running) {
      this.#fade = { left: 0, of: 1 };
      this.#ended();
      return;
    }
    const of = Math.round(Math.max(MIN_HUSH_S, Math.min(MAX_HUSH_S, fadeS)) * SPEECH_RATE);
    this.#fade ??= { left: of, of };
  }

  #drop(which: (utterance: number) => boolean): void {
    const gone = new Set(this.#queue.map(({ utterance }) => utterance).filter(which));
    this.#keep(({ utterance }) => !gone.has(utterance));
    for (const utterance of gone) this.#forget(utterance);
  }

  #forget(utterance: number): void {
    this.#hushed.add(utterance);
    this.#told.push({ utterance, ms: 0, done: true });
  }

  #note(done: boolean): void {
    if (this.#current !== null) this.#told.push({ utterance: this.#current, ms: this.#played / MS, done });
    this.#untold = 0;
  }
}
