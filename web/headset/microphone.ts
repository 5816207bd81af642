/** The page's half of the microphone: nothing is captured before the patient agreed, or after a mute, a stop, the end. */

import type { MicState } from '../shared/control';
import { Listening } from './listening';
import micUrl from './mic.worklet.ts?worker&url';

export const MIC_WORDS: Readonly<Record<MicState, string>> = {
  on: 'Microphone on',
  off: 'Microphone off',
  denied: 'Microphone not allowed',
  missing: 'No microphone',
};

/** For a screen reader: what the microphone does, and whether it is heard. */
export function micWords(state: MicState, listening: boolean): string {
  return state === 'on' && listening ? `${MIC_WORDS.on}, the guide listens` : MIC_WORDS[state];
}

export class Microphone {
  #stream: MediaStream | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #node: AudioWorkletNode | null = null;
  #loaded = false;
  #ended = false;
  #wanted = false;
  #agreed = false;
  state: MicState = 'off';

  /** `changed` hears every new state. */
  constructor(
    private readonly context: AudioContext,
    private readonly changed: (state: MicState) => void,
  ) {}

  /** The patient has agreed and the browser allowed it: from then on it may be switched without being asked. */
  get agreed(): boolean {
    return this.#agreed && !this.#ended;
  }

  /** It is on, or about to be. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** Ask the browser; call from a gesture. The patient has agreed by it. */
  async agree(): Promise<MicState> {
    if (this.#ended || this.#wanted) return this.state;
    this.#wanted = true;
    if (!Listening.able || navigator.mediaDevices === undefined) return this.#become('missing');
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return this.#become(error.name === 'NotAllowedError' || error.name === 'SecurityError' ? 'denied' : 'missing');
    }
    if (!this.#wanted || this.#stream !== null) {
      // muted, or over, before it began; or another is there already
      for (const track of stream.getTracks()) track.stop();
      return this.state;
    }
    this.#stream = stream;
    this.#agreed = true;
    for (const track of stream.getTracks()) track.addEventListener('ended', () => this.#lost());
    return this.#become('on');
  }

  /** Pour into the sound worker: the other end of the port. */
  async pour(port: MessagePort): Promise<void> {
    if (!this.#loaded) await this.context.audioWorklet.addModule(micUrl);
    this.#loaded = true;
    if (this.#stream === null) return;
    this.#source ??= new MediaStreamAudioSourceNode(this.context, { mediaStream: this.#stream });
    this.#node ??= new AudioWorkletNode(this.context, 'stillwater-mic', {
      numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit',
    }); // prettier-ignore
    this.#source.connect(this.#node);
    this.#node.port.postMessage(port, [port]);
  }

  /** Let the device go: muted means that nothing is captured. */
  release(): void {
    this.#wanted = false;
    this.#source?.disconnect();
    this.#node?.port.close();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = this.#source = this.#node = null;
    this.#become('off');
  }

  /** For good. */
  end(): void {
    this.release();
    this.#ended = true;
  }

  #lost(): void {
    this.release();
    this.#become('missing');
  }

  #become(state: MicState): MicState {
    if (state !== 'on') this.#wanted = false;
    if (state !== this.state) {
      this.state = state;
      this.changed(state);
    }
    return state;
  }
}
