/**
 * The control socket and the sound decoder, off the page's thread: a busy page must not starve the music. Decoded
 * samples go straight to the worklet. A stop is sent again on every new connection until the server has stopped.
 */

import type { MicState, ServerText, StopSource } from '../shared/control';
import { parseServerText } from '../shared/control';
import { BadMessage, isAudioPlace, isSpeech, packMicrophone, parseAudio, parseAudioPlace, parseSpeech, VERSION } from '../shared/protocol';
import { ClockSync } from './clock';
import { Joiner } from './joiner';
import { Listening } from './listening';
import type { FromSound, ToSound } from './messages';
import type { Heard, Samples } from './samples';
import { Socket } from './socket';
import { Speaking } from './speaking';

type StartSound = Extract<ToSound, { kind: 'start' }>;

const SAMPLE_RATE = 48_000;
const PING_EVERY_MS = 2000;
const FIRST_PINGS = 5;
const FIRST_PING_EVERY_MS = 200;
/** No answer for so long means a dead link that nobody closed. */
const SILENT_MS = 7000;
const MAX_QUEUE = 100;
const PACKET_US = 10_000;
const REPORT_EVERY_MS = 500;

class Sound {
  readonly #socket: Socket;
  readonly #clockShiftMs: number;
  readonly #clock = new ClockSync();
  readonly #sent = new Map<number, number>();
  #worklet: MessagePort | null = null;
  /** Of the bed, of (W, Y) and of (Z, X). */
  readonly #decoders: (AudioDecoder | null)[] = [null, null, null];
  readonly #joiner = new Joiner((channels) =>
    this.#toWorklet({ channels }, channels.map((channel) => channel.buffer)),
  );
  readonly #speaking = new Speaking(
    (speech) => this.#toWorklet({ speech }, [speech.samples.buffer]),
    (error) => this.#failed(error),
  );
  readonly #listening = new Listening(
    () => this.#nowMs(),
    (seq, clientMs, payload) => {
      if (this.#socket.send(packMicrophone(seq, clientMs, payload))) this.#counts.micPackets++;
    },
  );
  #micState: MicState | null = null;
  #clockOffsetS: number | null = null;
  #expectedSeq: number | null = null;
  #pingId = 0;
  #pingTimer: ReturnType<typeof setTimeout> | null = null;
  #heardMs = 0;
  #pendingStop: StopSource | null = null;
  readonly #counts = { packets: 0, micPackets: 0, bad: 0, decodeErrors: 0 };

  constructor(private readonly start: StartSound) {
    this.#clockShiftMs = performance.timeOrigin - start.timeOrigin;
    this.#socket = new Socket(start.url, {
      state: (state) => {
        if (state === 'open') this.#opened();
        post({ kind: 'link', state });
      },
      message: (data) => this.#receive(data),
    });
    setInterval(() => post({ kind: 'counts', ...this.#counts }), REPORT_EVERY_MS);
  }

  hear(message: Exclude<ToSound, { kind: 'start' }>): void {
    switch (message.kind) {
      case 'worklet':
        this.#worklet = message.port;
        message.port.onmessage = ({ data }: MessageEvent<Heard>) => this.#played(data);
        break;
      case 'microphone':
        this.#listening.from(message.port);
        break;
      case 'mic-state':
        this.#micState = message.state;
        this.#sayMicrophone();
        break;
      case 'stop':
        this.#pendingStop = message.source;
        this.#sendStop();
        break;
      case 'unwell':
        this.#say({ type: 'unwell', level: message.level });
        break;
      case 'stats':
        this.#say({ type: 'stats', ...message.stats });
        break;
      case 'online':
        this.#socket.hurry();
        break;
      case 'close':
        this.#say({ type: 'bye' });
        this.#socket.close();
        break;
    }
  }

  #nowMs(): number {
    return performance.now() + this.#clockShiftMs;
  }

  #say(message: Record<string, unknown>): boolean {
    return this.#socket.send(JSON.stringify(message));
  }

  #opened(): void {
    const { agent, codecs } = this.start;
    const audio = typeof AudioDecoder !== 'undefined';
    this.#say({ type: 'hello', version: VERSION, agent, codecs, audio, space: audio });
    this.#sendStop();
    this.#sayMicrophone();
    this.#listening.want(false); // until it says so again
    this.#speaking.reset();
    this.#toWorklet({ afresh: true });
    this.#clock.reset();
    this.#clockOffsetS = null;
    this.#sent.clear();
    this.#pingId = 0;
    this.#expectedSeq = null;
    this.#heardMs = this.#nowMs();
    this.#ping();
  }

  #sayMicrophone(): void {
    if (this.#micState !== null) this.#say({ type: 'mic', state: this.#micState });
  }

  #played(heard: Heard): void {
    for (const played of heard) {
      this.#say({ type: 'played', ...played });
      post({ kind: 'played', played });
    }
  }

  #sendStop(): void {
    if (this.#pendingStop !== null) this.#say({ type: 'stop', source: this.#pendingStop });
  }

  #ping(): void {
    if (this.#pingTimer !== null) clearTimeout(this.#pingTimer);
    this.#pingTimer = null;
    if (!this.#socket.open) return;
    if (this.#nowMs() - this.#heardMs > SILENT_MS) {
      this.#socket.renew();
      return;
    }
    const id = ++this.#pingId;
    const sentMs = this.#nowMs();
    this.#sent.set(id, sentMs);
    this.#say({ type: 'ping', id, client_ms: sentMs });
    this.#pingTimer = setTimeout(() => this.#ping(), id <= FIRST_PINGS ? FIRST_PING_EVERY_MS : PING_EVERY_MS);
  }

  #receive(data: ArrayBuffer | string): void {
    this.#heardMs = this.#nowMs();
    try {
      if (typeof data === 'string') this.#text(data);
      else if (isSpeech(data)) this.#speech(data);
      else if (isAudioPlace(data)) this.#place(data);
      else this.#audio(data);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#counts.bad++;
    }
  }

  #text(data: string): void {
    const text = parseServerText(data);
    if (text.type !== 'pong') {
      const stopped = 'phase' in text && (text.phase === 'STOPPED' || text.phase === 'ENDED');
      if (stopped && this.#pendingStop !== null) {
        this.#pendingStop = null;
        post({ kind: 'stop-confirmed' });
      }
      this.#guide(text);
      post({ kind: 'text', text });
      return;
    }
    const sentMs = this.#sent.get(text.id);
    if (sentMs === undefined) return;
    this.#sent.delete(text.id);
    const estimate = this.#clock.pong(sentMs, text.serverS, this.#nowMs());
    if (estimate === null) return;
    this.#clockOffsetS = estimate.offsetS;
    this.#say({ type: 'clock', offset_s: estimate.offsetS, rtt_ms: estimate.rttMs });
    post({ kind: 'clock', ...estimate });
  }

  /** What is urgent for the ear does not go by way of the page. */
  #guide(text: ServerText): void {
    switch (text.type) {
      case 'hush':
        this.#toWorklet({ hush: text.utterance, fadeS: text.fadeS, through: this.#speaking.newest });
        break;
      case 'soften':
        this.#toWorklet({ soften: text.on });
        break;
      case 'listen':
        this.#listening.want(text.on);
        break;
      default:
        break;
    }
  }

  #speech(data: ArrayBuffer): void {
    const speech = parseSpeech(data);
    if (this.#worklet === null || typeof AudioDecoder === 'undefined') return;
    const inMs = this.#clockOffsetS === null ? 0 : (speech.playAtS - this.#clockOffsetS) * 1000 - this.#nowMs();
    this.#speaking.take(speech, inMs);
  }

  #audio(data: ArrayBuffer): void {
    const packet = parseAudio(data);
    this.#counts.packets++;
    if (this.#worklet === null || typeof AudioDecoder === 'undefined') return;
    if (this.#expectedSeq !== null && packet.seq !== this.#expectedSeq) this.#toWorklet({ gap: true });
    this.#expectedSeq = (packet.seq + 1) % 2 ** 32;
    try {
      if (this.#readyDecoder(0).decodeQueueSize > MAX_QUEUE) {
        this.#expectedSeq = null;
        this.#toWorklet({ gap: true });
        return;
      }
      this.#decode(0, packet.seq, packet.payload);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** It comes right before its bed. */
  #place(data: ArrayBuffer): void {
    const place = parseAudioPlace(data);
    if (this.#worklet === null || typeof AudioDecoder === 'undefined') return;
    try {
      this.#joiner.expect(place.seq * PACKET_US);
      place.packets.forEach((packet, i) => this.#decode(i + 1, place.seq, packet));
    } catch (error) {
      this.#failed(error);
    }
  }

  #decode(part: number, seq: number, data: Uint8Array<ArrayBuffer>): void {
    this.#readyDecoder(part).decode(new EncodedAudioChunk({ type: 'key', timestamp: seq * PACKET_US, data }));
  }

  #readyDecoder(part: number): AudioDecoder {
    const ready = this.#decoders[part];
    if (ready?.state === 'configured') return ready;
    const decoder = new AudioDecoder({
      output: (data) => this.#decoded(part, data),
      error: (error) => this.#failed(error),
    });
    decoder.configure({ codec: 'opus', sampleRate: SAMPLE_RATE, numberOfChannels: 2 });
    this.#decoders[part] = decoder;
    return decoder;
  }

  #decoded(part: number, data: AudioData): void {
    const { timestamp } = data;
    const [left, right] = [0, 1].map((channel) => {
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: Math.min(channel, data.numberOfChannels - 1), format: 'f32-planar' });
      return samples;
    });
    data.close();
    if (left !== undefined && right !== undefined) this.#joiner.take(part, timestamp, [left, right]);
  }

  #toWorklet(samples: Samples, transfer: Transferable[] = []): void {
    this.#worklet?.postMessage(samples, transfer);
  }

  /** A damaged packet is expected: count it and start the decoder afresh with the next one. */
  #failed(error: unknown): void {
    if (!(error instanceof DOMException) && !(error instanceof TypeError)) throw error;
    this.#counts.decodeErrors++;
    for (const decoder of this.#decoders) if (decoder !== null && decoder.state !== 'closed') decoder.close();
    this.#decoders.fill(null);
    this.#speaking.clear();
    this.#joiner.clear();
    this.#toWorklet({ gap: true });
  }
}

function post(message: FromSound): void {
  self.postMessage(message);
}

let sound: Sound | null = null;
self.onmessage = ({ data }: MessageEvent<ToSound>) => {
  if (data.kind === 'start') sound ??= new Sound(data);
  else sound?.hear(data);
};
