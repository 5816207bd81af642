/**
 * The end of the sound's way: samples from the sound worker through the jitter buffer to the ears. The bed goes as it
 * is, the sounds of the place are turned against the head. The guide's voice has a buffer and an output of its own.
 */

import { Binaural } from './ambisonics';
import { JitterBuffer } from './jitter';
import type { Samples, SoundStats, ToWorklet } from './samples';
import { SpeechBuffer } from './speech';

const REPORT_EVERY_FRAMES = 48_000 / 4;
const CHANNELS = 6;
/** A place that sent nothing for so long has nothing left in any filter. */
const PLACE_ENDS_FRAMES = 48_000;
const FRAMES = 128;

class StillwaterSound extends AudioWorkletProcessor {
  readonly #buffer = new JitterBuffer(CHANNELS);
  readonly #binaural = new Binaural();
  readonly #speech = new SpeechBuffer();
  #source: MessagePort | null = null;
  #spoken = { squares: 0, step: 0, last: 0 };
  #field = Array.from({ length: CHANNELS - 2 }, () => new Float32Array(FRAMES));
  #placeLeft = 0;
  #played = 0;
  #squares = 0;
  #rightSquares = 0;
  #peak = 0;
  #step = 0;
  #last = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToWorklet>) => {
      if (data.kind === 'head') this.#binaural.look(data.orientation);
      else if (data.kind === 'safe-only') this.#speech.safeOnly(data.on, data.fadeS);
      else {
        this.#source = data.port;
        data.port.onmessage = (event: MessageEvent<Samples>) => this.#hear(event.data);
      }
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [left, right] = outputs[0] ?? [];
    if (left === undefined || right === undefined) return true;
    if (this.#field[0]?.length !== left.length) this.#field = this.#field.map(() => new Float32Array(left.length));
    if (this.#placeLeft > 0) {
      this.#buffer.pull(left, right, ...this.#field);
      this.#binaural.add(this.#field, left, right);
      this.#placeLeft -= left.length;
    } else {
      this.#buffer.pull(left, right);
    }
    this.#speak(outputs[1]?.[0]);
    this.#measure(left, right);
    return true;
  }

  #speak(out: Float32Array | undefined): void {
    if (out === undefined) return;
    this.#speech.pull(out);
    const heard = this.#speech.tell();
    if (heard.length > 0) this.#source?.postMessage(heard);
    for (const sample of out) {
      this.#spoken.squares += sample * sample;
      this.#spoken.step = Math.max(this.#spoken.step, Math.abs(sample - this.#spoken.last));
      this.#spoken.last = sample;
    }
  }

  #hear(samples: Samples): void {
    if ('speech' in samples) this.#speech.push(samples.speech);
    else if ('hush' in samples) this.#speech.hush(samples.hush, samples.fadeS, samples.through);
    else if ('soften' in samples) this.#speech.soften(samples.soften);
    else if ('afresh' in samples) this.#speech.reset();
    else if ('gap' in samples) this.#buffer.gap();
    else {
      if (samples.channels.length === CHANNELS) this.#placeLeft = PLACE_ENDS_FRAMES;
      if (!this.#buffer.push(...samples.channels)) this.#buffer.gap();
    }
  }

  #measure(samples: Float32Array, right: Float32Array): void {
    for (const sample of right) this.#rightSquares += sample * sample;
    for (const sample of samples) {
      this.#squares += sample * sample;
      this.#peak = Math.max(this.#peak, Math.abs(sample));
      this.#step = Math.max(this.#step, Math.abs(sample - this.#last));
      this.#last = sample;
    }
    this.#played += samples.length;
    if (this.#played < REPORT_EVERY_FRAMES) return;
    const { bufferMs, targetMs, underruns, playing } = this.#buffer;
    const rms = Math.sqrt(this.#squares / this.#played);
    const heard = this.#squares > 0 && this.#rightSquares > 0;
    const stats: SoundStats = {
      bufferMs, targetMs, underruns, playing, rms, peak: this.#peak, step: this.#step,
      yawDeg: this.#placeLeft > 0 ? this.#binaural.yawDeg : null,
      speechRms: Math.sqrt(this.#spoken.squares / this.#played),
      speechStep: this.#spoken.step,
      speechUnderruns: this.#speech.underruns,
      leftOverRightDb: heard ? 10 * Math.log10(this.#squares / this.#rightSquares) : null,
    }; // prettier-ignore
    this.port.postMessage(stats);
    this.#played = this.#squares = this.#rightSquares = this.#peak = this.#step = 0;
    this.#spoken.squares = this.#spoken.step = 0;
  }
}

registerProcessor('stillwater-sound', StillwaterSound);
