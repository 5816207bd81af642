/**
 * `window.__stillwater`: numbers about how well the page runs, for people who look into a problem and for the
 * project's own browser tests. Only numbers, only out: nothing here changes what the page does.
 *
 * - `stats()`: the latest figures (see `Figures`).
 * - `shown()`: the last frames that were drawn, oldest first, each as
 *   `[frame id, pose seq, pose client ms, x, y, z, qx, qy, qz, qw, age ms]`: the exact pose from the frame's header.
 * - `poses()`: the last poses that were sent, oldest first, each as `[seq, client ms, x, y, z, qx, qy, qz, qw]`.
 */

import type { FrameHeader, Pose } from '../shared/protocol';

const KEEP = 1024;
const FPS_WINDOW_MS = 2000;
const AGES = 120;

export interface Figures {
  /** 0 joining, 1 fit check, 2 in the place, 3 after the end. */
  view: number;
  frameId: number;
  poseSeq: number;
  /** Newly drawn server pictures per second. */
  fps: number;
  /** Display frames per second. */
  displayFps: number;
  frameAgeMs: number;
  picture: number;
  safe: number;
  stopped: number;
  inVr: number;
  planar: number;
  /** Nodes along a side of the picture's depth; 0 without depth. */
  depthNodes: number;
  videoOpen: number;
  controlOpen: number;
  clockOffsetS: number;
  rttMs: number;
  audioBufferMs: number;
  audioTargetMs: number;
  audioUnderruns: number;
  audioRms: number;
  audioPeak: number;
  audioStep: number;
  audioYawDeg: number | null;
  audioLeftOverRightDb: number | null;
  audioLevel: number;
  audioPackets: number;
  micPackets: number;
  speechRms: number;
  speechStep: number;
  speechUnderruns: number;
  /** Of the utterance that was heard last: its number, and how much of it. */
  speechUtterance: number;
  speechPlayedMs: number;
  speechDone: number;
  received: number;
  decoded: number;
  superseded: number;
  dropped: number;
  badVideo: number;
  badControl: number;
  decodeErrors: number;
  keyRequests: number;
}

export class Diagnostics {
  readonly #figures: Partial<Figures> = { view: 0 };
  readonly #shown: number[][] = [];
  readonly #poses: number[][] = [];
  readonly #ages: number[] = [];
  readonly #shownAtMs: number[] = [];
  readonly #displayAtMs: number[] = [];

  constructor() {
    Object.defineProperty(window, '__stillwater', {
      value: Object.freeze({
        stats: () => ({ ...this.#figures }),
        shown: () => this.#shown.map((row) => [...row]),
        poses: () => this.#poses.map((row) => [...row]),
      }),
    });
  }

  set(figures: Partial<Figures>): void {
    Object.assign(this.#figures, figures);
  }

  displayed(nowMs: number): void {
    this.#figures.displayFps = perSecond(this.#displayAtMs, nowMs);
  }

  poseSent({ seq, clientMs, position, orientation }: Pose): void {
    keep(this.#poses, [seq, clientMs, ...position, ...orientation], KEEP);
  }

  frameShown(header: FrameHeader, nowMs: number, ageMs: number): void {
    const { frameId, poseSeq, poseClientMs, position, orientation } = header;
    keep(this.#shown, [frameId, poseSeq, poseClientMs, ...position, ...orientation, ageMs], KEEP);
    keep(this.#ages, ageMs, AGES);
    this.set({ frameId, poseSeq, frameAgeMs: ageMs, fps: perSecond(this.#shownAtMs, nowMs) });
  }

  get fps(): number | null {
    return this.#figures.fps ?? null;
  }

  /** Median age of the last frames when first drawn, or null. */
  get medianAgeMs(): number | null {
    const sorted = this.#ages.toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? null;
  }
}

function keep<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}

function perSecond(times: number[], nowMs: number): number {
  times.push(nowMs);
  while ((times[0] ?? nowMs) < nowMs - FPS_WINDOW_MS) times.shift();
  const spanMs = nowMs - (times[0] ?? nowMs);
  return spanMs > 0 ? ((times.length - 1) * 1000) / spanMs : 0;
}
