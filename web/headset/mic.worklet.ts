/** The microphone's samples in blocks of 20 ms, straight to the sound worker. */

const BLOCK = 960;

class StillwaterMic extends AudioWorkletProcessor {
  #block = new Float32Array(BLOCK);
  #filled = 0;
  #to: MessagePort | null = null;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort>) => (this.#to = data);
  }

  process(inputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0];
    if (samples === undefined || this.#to === null) return true;
    for (const sample of samples) {
      this.#block[this.#filled++] = sample;
      if (this.#filled < BLOCK) continue;
      this.#to.postMessage(this.#block, [this.#block.buffer]);
      this.#block = new Float32Array(BLOCK);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor('stillwater-mic', StillwaterMic);
