/** The sound worker's half of the guide's voice: Opus packets in, samples out to the worklet. */

import type { Speech } from '../shared/protocol';
import type { SpeechPacket } from './speech';

const SAMPLE_RATE = 48_000;
const PACKET_US = 20_000;

export class Speaking {
  #decoder: AudioDecoder | null = null;
  #sent = 0;
  readonly #waiting = new Map<number, Omit<SpeechPacket, 'samples'>>();
  /** The newest utterance that came. */
  newest = 0;

  constructor(
    private readonly heard: (packet: SpeechPacket) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  take(packet: Speech, inMs: number): void {
    this.newest = Math.max(this.newest, packet.utterance);
    const timestamp = this.#sent++ * PACKET_US;
    this.#waiting.set(timestamp, { ...packet, inMs });
    try {
      this.#ready().decode(new EncodedAudioChunk({ type: 'key', timestamp, data: packet.payload }));
    } catch (error) {
      this.clear();
      this.failed(error);
    }
  }

  /** What has been given is still decoded. */
  clear(): void {
    const old = this.#decoder;
    this.#decoder = null;
    if (old?.state === 'configured') void old.flush().then(() => old.close(), this.failed);
  }

  reset(): void {
    this.clear();
    this.newest = 0;
  }

  #ready(): AudioDecoder {
    if (this.#decoder?.state === 'configured') return this.#decoder;
    const decoder = new AudioDecoder({
      output: (data) => this.#decoded(data),
      error: (error) => this.failed(error),
    });
    decoder.configure({ codec: 'opus', sampleRate: SAMPLE_RATE, numberOfChannels: 1 });
    this.#decoder = decoder;
    return decoder;
  }

  #decoded(data: AudioData): void {
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
    const packet = this.#waiting.get(data.timestamp);
    this.#waiting.delete(data.timestamp);
    data.close();
    if (packet !== undefined) this.heard({ ...packet, samples });
  }
}
