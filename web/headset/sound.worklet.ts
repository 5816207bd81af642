/** The end of the sound's way: samples from the sound worker through the jitter buffer to the ears. */

import { JitterBuffer } from './jitter';
import type { Samples, SoundStats, ToWorklet } from './samples';

const REPORT_EVERY_FRAMES = 48_000 / 4;

class StillwaterSound extends AudioWorkletProcessor {
  readonly #buffer = new JitterBuffer();
  #played = 0;
  #squares = 0;
  #peak = 0;
  #step = 0;
  #last = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToWorklet>) => {
      data.port.onmessage = (event: MessageEvent<Samples>) => this.#hear(event.data);
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [left, right] = outputs[0] ?? [];
    if (left === undefined || right === undefined) return true;
    this.#buffer.pull(left, right);
    this.#measure(left);
    return true;
  }

  #hear(samples: Samples): void {
    if ('gap' in samples) this.#buffer.gap();
    else if (!this.#buffer.push(samples.left, samples.right)) this.#buffer.gap();
  }

  #measure(samples: Float32Array): void {
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
    const stats: SoundStats = { bufferMs, targetMs, underruns, playing, rms, peak: this.#peak, step: this.#step };
    this.port.postMessage(stats);
    this.#played = this.#squares = this.#peak = this.#step = 0;
  }
}

registerProcessor('stillwater-sound', StillwaterSound);
