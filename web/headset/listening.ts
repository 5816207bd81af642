/** The sound worker's half of the microphone: blocks of 20 ms in, Opus packets out, while the server listens. */

const SAMPLE_RATE = 48_000;
const BLOCK_FRAMES = 960;
const BLOCK_MS = 20;
const BIT_RATE = 24_000;
/** A worker that fell so far behind leaves blocks out. */
const MAX_QUEUE = 50;

export class Listening {
  #encoder: AudioEncoder | null = null;
  #port: MessagePort | null = null;
  #wanted = false;
  #at = 0;
  #seq = 0;
  readonly #takenMs = new Map<number, number>();

  /** `send` gets each packet with its number, from 1, and when it was taken. */
  constructor(
    private readonly nowMs: () => number,
    private readonly send: (seq: number, clientMs: number, payload: Uint8Array<ArrayBuffer>) => void,
  ) {}

  static get able(): boolean {
    return typeof AudioEncoder !== 'undefined';
  }

  /** Where the blocks come from; null: the microphone has ended. */
  from(port: MessagePort | null): void {
    if (this.#port !== null) this.#port.close();
    this.#port = port;
    if (port === null) this.#close();
    else port.onmessage = ({ data }: MessageEvent<Float32Array<ArrayBuffer>>) => this.#block(data);
  }

  /** Whether the server wants to hear. */
  want(on: boolean): void {
    this.#wanted = on;
    if (!on) this.#close();
  }

  #block(data: Float32Array<ArrayBuffer>): void {
    if (!this.#wanted || !Listening.able || data.length !== BLOCK_FRAMES) return;
    const encoder = this.#ready();
    if (encoder.encodeQueueSize > MAX_QUEUE) {
      this.#seq++; // the server sees the gap
      return;
    }
    const timestamp = this.#at;
    this.#at += BLOCK_MS * 1000;
    this.#takenMs.set(timestamp, this.nowMs() - BLOCK_MS);
    const samples = new AudioData({
      format: 'f32-planar', sampleRate: SAMPLE_RATE, numberOfFrames: BLOCK_FRAMES, numberOfChannels: 1, timestamp, data,
    }); // prettier-ignore
    encoder.encode(samples);
    samples.close();
  }

  #ready(): AudioEncoder {
    if (this.#encoder?.state === 'configured') return this.#encoder;
    const encoder = new AudioEncoder({
      output: (chunk) => this.#packet(chunk),
      error: () => (this.#encoder = null), // the next block makes a new one
    });
    encoder.configure({
      codec: 'opus',
      sampleRate: SAMPLE_RATE,
      numberOfChannels: 1,
      bitrate: BIT_RATE,
      opus: { frameDuration: BLOCK_MS * 1000, usedtx: false },
    });
    this.#encoder = encoder;
    return encoder;
  }

  #packet(chunk: EncodedAudioChunk): void {
    const payload = new Uint8Array(chunk.byteLength);
    chunk.copyTo(payload);
    const takenMs = this.#takenMs.get(chunk.timestamp) ?? this.nowMs() - BLOCK_MS;
    this.#takenMs.delete(chunk.timestamp);
    this.#seq++;
    if (this.#wanted) this.send(this.#seq, Math.max(0, takenMs), payload);
  }

  #close(): void {
    if (this.#encoder !== null && this.#encoder.state !== 'closed') this.#encoder.close();
    this.#encoder = null;
    this.#takenMs.clear();
  }
}
