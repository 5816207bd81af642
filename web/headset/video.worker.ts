/**
 * The video socket and the decoder, off the page's thread. Every frame that can be decoded is decoded (deltas need
 * each other); only the newest picture goes to the page, at most two at a time, the rest are dropped here.
 */

import type { Frame, FrameHeader, KeyReason as Reason } from '../shared/protocol';
import { BadMessage, KeyReason, packAck, packKeyRequest, parseFrame } from '../shared/protocol';
import { Chain, codecOf } from './decoding';
import { type DepthGrid, unpackDepth } from './depth';
import type { FromVideo, Pixels, Plane, Start, ToVideo } from './messages';
import { Socket } from './socket';

const MAX_QUEUE = 6;
const MAX_OUTSTANDING = 2;
const KEY_REQUEST_EVERY_MS = 400;
const POSE_BACKLOG_BYTES = 4096;
const SILENT_KEY_MS = 3000;
const SILENT_RENEW_MS = 10_000;
const WATCH_EVERY_MS = 500;
/** Timestamps only name a chunk for the decoder. */
const TICK_US = 1000;

interface Pending {
  readonly header: FrameHeader;
  readonly depth: DepthGrid | null;
  readonly arrivedMs: number;
}

class Video {
  readonly #socket: Socket;
  readonly #clockShiftMs: number;
  #decoder: VideoDecoder | null = null;
  #codec = '';
  #chain = new Chain();
  #ticks = 0;
  readonly #pending = new Map<number, Pending>();
  #newest: { frame: VideoFrame; pending: Pending } | null = null;
  #copying = false;
  #outstanding = 0;
  readonly #spare: ArrayBuffer[] = [];
  #lastKeyRequestMs = Number.NEGATIVE_INFINITY;
  #lastFrameMs: number;
  readonly #counts = { received: 0, decoded: 0, superseded: 0, dropped: 0, bad: 0, decodeErrors: 0, keyRequests: 0 };

  constructor(start: Start) {
    this.#clockShiftMs = performance.timeOrigin - start.timeOrigin;
    this.#lastFrameMs = this.#nowMs();
    this.#socket = new Socket(start.url, {
      state: (state) => {
        if (state === 'open') {
          this.#chain = new Chain(); // a new connection begins with a key frame
          this.#lastFrameMs = this.#nowMs();
          this.#askForKey(KeyReason.start);
        }
        post({ kind: 'link', state });
      },
      message: (data) => this.#receive(data),
    });
    setInterval(() => this.#watch(), WATCH_EVERY_MS);
  }

  hear(message: Exclude<ToVideo, Start>): void {
    switch (message.kind) {
      case 'pose':
        // an old pose is worth nothing: skip it while the network is behind
        if (this.#socket.backlog < POSE_BACKLOG_BYTES) this.#socket.send(message.data);
        break;
      case 'shown':
        this.#socket.send(message.data);
        break;
      case 'taken':
        this.#outstanding = Math.max(0, this.#outstanding - 1);
        if (message.buffer !== null && this.#spare.length < MAX_OUTSTANDING) this.#spare.push(message.buffer);
        void this.#forward();
        break;
      case 'online':
        this.#socket.hurry();
        break;
      case 'close':
        this.#socket.close();
        break;
    }
  }

  #nowMs(): number {
    return performance.now() + this.#clockShiftMs;
  }

  #receive(data: ArrayBuffer | string): void {
    const arrivedMs = this.#nowMs();
    let frame: Frame;
    let depth: DepthGrid | null;
    try {
      if (typeof data === 'string') throw new BadMessage('video message must be binary, got text');
      frame = parseFrame(data);
      depth = frame.depth === null ? null : unpackDepth(frame.depth);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#counts.bad++;
      return; // if a frame was lost with it, the next frame's number shows the gap
    }
    this.#counts.received++;
    this.#lastFrameMs = arrivedMs;
    if (this.#decoder !== null && this.#decoder.decodeQueueSize > MAX_QUEUE) this.#chain.break(KeyReason.overload);
    if (!this.#chain.admit(frame.header)) {
      this.#counts.dropped++;
      this.#askForKey(this.#chain.reason);
      this.#socket.send(packAck(frame.header.frameId, arrivedMs, 0));
      return;
    }
    this.#decode(frame, depth, arrivedMs);
  }

  #decode(frame: Frame, depth: DepthGrid | null, arrivedMs: number): void {
    const { header, payload } = frame;
    try {
      const decoder = this.#readyDecoder(frame);
      const timestamp = ++this.#ticks * TICK_US;
      this.#pending.set(timestamp, { header, depth, arrivedMs });
      decoder.decode(new EncodedVideoChunk({ type: header.key ? 'key' : 'delta', timestamp, data: payload }));
    } catch (error) {
      this.#failed(error);
    }
  }

  #readyDecoder({ header, payload }: Frame): VideoDecoder {
    const codec = header.key ? codecOf(header, payload) : this.#codec;
    if (this.#decoder?.state === 'configured' && codec === this.#codec) return this.#decoder;
    this.#closeDecoder();
    this.#decoder = new VideoDecoder({
      output: (frame) => this.#decoded(frame),
      error: (error) => this.#failed(error),
    });
    this.#codec = codec;
    this.#decoder.configure({ codec, optimizeForLatency: true });
    return this.#decoder;
  }

  #decoded(frame: VideoFrame): void {
    const pending = this.#pending.get(frame.timestamp);
    for (const timestamp of this.#pending.keys()) {
      if (timestamp <= frame.timestamp) this.#pending.delete(timestamp);
    }
    if (pending === undefined) {
      frame.close();
      return;
    }
    this.#counts.decoded++;
    this.#socket.send(packAck(pending.header.frameId, pending.arrivedMs, this.#nowMs() - pending.arrivedMs));
    if (this.#newest !== null) {
      this.#newest.frame.close();
      this.#counts.superseded++;
    }
    this.#newest = { frame, pending };
    void this.#forward();
  }

  async #forward(): Promise<void> {
    if (this.#copying || this.#newest === null || this.#outstanding >= MAX_OUTSTANDING) return;
    const { frame, pending } = this.#newest;
    this.#newest = null;
    this.#copying = true;
    try {
      const pixels = await pixelsOf(frame, (bytes) => this.#buffer(bytes));
      this.#outstanding++;
      const transfer = pixels.kind === 'planar' ? pixels.buffer : pixels.frame;
      const { header, depth, arrivedMs } = pending;
      post({ kind: 'picture', picture: { header, depth, pixels, arrivedMs } }, [transfer]);
    } catch (error) {
      frame.close();
      this.#failed(error);
    } finally {
      this.#copying = false;
    }
    void this.#forward();
  }

  #buffer(bytes: number): ArrayBuffer {
    const spare = this.#spare.pop();
    return spare?.byteLength === bytes ? spare : new ArrayBuffer(bytes);
  }

  /** A damaged stream is expected: count it, start the decoder afresh, ask for a key frame. */
  #failed(error: unknown): void {
    if (!(error instanceof DOMException) && !(error instanceof TypeError)) throw error;
    this.#counts.decodeErrors++;
    this.#closeDecoder();
    this.#chain.break(KeyReason.decodeError);
    this.#askForKey(KeyReason.decodeError);
  }

  #closeDecoder(): void {
    if (this.#decoder !== null && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
    this.#pending.clear();
  }

  #askForKey(reason: Reason): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#lastKeyRequestMs < KEY_REQUEST_EVERY_MS) return;
    if (!this.#socket.send(packKeyRequest(reason, this.#chain.lastId))) return;
    this.#lastKeyRequestMs = nowMs;
    this.#counts.keyRequests++;
  }

  #watch(): void {
    post({ kind: 'counts', counts: { ...this.#counts } });
    if (!this.#socket.open) return;
    const silentMs = this.#nowMs() - this.#lastFrameMs;
    if (silentMs > SILENT_RENEW_MS) {
      this.#lastFrameMs = this.#nowMs();
      this.#socket.renew();
    } else if (silentMs > SILENT_KEY_MS) {
      this.#askForKey(KeyReason.silence);
    }
  }
}

/** The pixels in the form that uploads fastest: planes where the decoder gives them, else the frame itself. */
async function pixelsOf(frame: VideoFrame, buffer: (bytes: number) => ArrayBuffer): Promise<Pixels> {
  const { displayWidth: width, displayHeight: height, format } = frame;
  const rect = frame.visibleRect;
  if ((format !== 'I420' && format !== 'NV12') || rect === null || rect.width !== width || rect.height !== height) {
    return { kind: 'frame', frame, width, height };
  }
  const target = buffer(frame.allocationSize());
  const planes: Plane[] = await frame.copyTo(target);
  const tagged = frame.colorSpace.matrix; // untagged means BT.709, as browsers hold it
  const matrix = tagged === 'smpte170m' || tagged === 'bt470bg' ? 'bt601' : 'bt709';
  const colour = { matrix, fullRange: frame.colorSpace.fullRange === true } as const;
  frame.close();
  return { kind: 'planar', format, buffer: target, planes, colour, width, height };
}

function post(message: FromVideo, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

let video: Video | null = null;
self.onmessage = ({ data }: MessageEvent<ToVideo>) => {
  if (data.kind === 'start') video ??= new Video(data);
  else video?.hear(data);
};
