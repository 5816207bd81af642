/** The page's half of the sound: the audio graph, its fades, and the fit check's tones. */

import type { Quaternion } from './ambisonics';
import workletUrl from './sound.worklet.ts?worker&url';
import type { SoundStats, ToWorklet } from './samples';

const SAMPLE_RATE = 48_000;
/** A stop is silent after this; with the message's way it stays under 250 ms. */
const STOP_FADE_S = 0.18;
const COME_BACK_S = 1.5;
const TONE_HZ = 392;
const TONE_S = 1.2;
const TONE_GAIN = 0.08;

export class SoundOut {
  readonly #context = new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: 'interactive' });
  readonly #gain = new GainNode(this.#context, { gain: 1 });
  /** Of the guide's voice: a safety line is heard even after a stop. */
  readonly #voice = new GainNode(this.#context, { gain: 1 });
  #worklet: MessagePort | null = null;
  #stopped = false;
  #hushed = false;
  stats: SoundStats | null = null;

  constructor() {
    this.#gain.connect(this.#context.destination);
    this.#voice.connect(this.#context.destination);
  }

  get context(): AudioContext {
    return this.#context;
  }

  get running(): boolean {
    return this.#context.state === 'running';
  }

  /** Must be called from a user's gesture: browsers keep sound shut until then. */
  async unlock(): Promise<void> {
    if (!this.running) await this.#context.resume();
  }

  /** Load the worklet and return the port into which the sound worker shall pour samples. */
  async open(): Promise<MessagePort> {
    await this.#context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(this.#context, 'stillwater-sound', {
      numberOfInputs: 0,
      numberOfOutputs: 2,
      outputChannelCount: [2, 1],
    });
    node.port.onmessage = ({ data }: MessageEvent<SoundStats>) => (this.stats = data);
    node.connect(this.#gain, 0);
    node.connect(this.#voice, 1);
    this.#worklet = node.port;
    const line = new MessageChannel();
    const message: ToWorklet = { kind: 'source', port: line.port1 };
    node.port.postMessage(message, [line.port1]);
    if (this.#stopped || this.#hushed) this.#safeOnly(true);
    return line.port2;
  }

  /** Where the head looks: the sounds of the place stay where they are. Call with each frame. */
  look(orientation: Quaternion): void {
    const message: ToWorklet = { kind: 'head', orientation };
    this.#worklet?.postMessage(message);
  }

  /** Fade to silence now and stay silent. */
  stop(): void {
    this.#stopped = true;
    this.#safeOnly(true);
    this.#ramp(0, STOP_FADE_S);
  }

  /** Silence for a while (the headset is off the head, the server shows the safe picture), and back. */
  hush(on: boolean, fadeS: number): void {
    if (this.#stopped || this.#hushed === on) return;
    this.#hushed = on;
    this.#safeOnly(on);
    this.#ramp(on ? 0 : 1, on ? Math.max(STOP_FADE_S, fadeS) : Math.max(COME_BACK_S, fadeS));
  }

  #safeOnly(on: boolean): void {
    const message: ToWorklet = { kind: 'safe-only', on, fadeS: STOP_FADE_S };
    this.#worklet?.postMessage(message);
  }

  /** A soft tone in one ear. */
  tone(side: 'left' | 'right'): void {
    const now = this.#context.currentTime;
    const tone = new OscillatorNode(this.#context, { type: 'sine', frequency: TONE_HZ });
    const envelope = new GainNode(this.#context, { gain: 0 });
    const pan = new StereoPannerNode(this.#context, { pan: side === 'left' ? -1 : 1 });
    envelope.gain.setValueAtTime(0, now);
    envelope.gain.linearRampToValueAtTime(TONE_GAIN, now + 0.25);
    envelope.gain.linearRampToValueAtTime(0, now + TONE_S);
    tone.connect(envelope).connect(pan).connect(this.#gain);
    tone.start(now);
    tone.stop(now + TONE_S);
  }

  #ramp(goal: number, seconds: number): void {
    const now = this.#context.currentTime;
    const { gain } = this.#gain;
    const held = gain.value;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(held, now);
    gain.linearRampToValueAtTime(goal, now + seconds);
  }

  /** What the ears get now, fades included (0…1). */
  get level(): number {
    return this.#gain.gain.value;
  }
}
