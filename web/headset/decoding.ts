/** What a `VideoDecoder` must be told, and when a frame can be decoded. Pure. */

import type { FrameHeader } from '../shared/protocol';
import { KeyReason } from '../shared/protocol';

const SPS = 7;

/** The codec string of a key frame. H.264 says its profile and level in the sequence parameters of each key frame. */
export function codecOf(header: FrameHeader, payload: Uint8Array): string {
  if (header.vp9) return 'vp09.00.40.08';
  for (let i = 0; i + 6 < payload.length; i++) {
    if (payload[i] === 0 && payload[i + 1] === 0 && payload[i + 2] === 1 && ((payload[i + 3] ?? 0) & 31) === SPS) {
      const hex = [...payload.subarray(i + 4, i + 7)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return `avc1.${hex.toUpperCase()}`;
    }
  }
  return 'avc1.42E01F';
}

/** Decides for each frame: decode it, or ask for a key frame first. Every delta needs the very frame before it. */
export class Chain {
  #lastId: number | null = null;
  #waiting = true;
  #reason: KeyReason = KeyReason.start;

  get waiting(): boolean {
    return this.#waiting;
  }

  get reason(): KeyReason {
    return this.#reason;
  }

  get lastId(): number {
    return this.#lastId ?? 0;
  }

  /** True if this frame can be decoded now. */
  admit(header: FrameHeader): boolean {
    const follows = this.#lastId !== null && header.frameId === (this.#lastId + 1) % 2 ** 32;
    this.#lastId = header.frameId;
    if (header.key) this.#waiting = false;
    else if (!this.#waiting && !follows) this.break(KeyReason.gap);
    return !this.#waiting;
  }

  /** Something was lost: only a key frame helps. */
  break(reason: KeyReason): void {
    this.#waiting = true;
    this.#reason = reason;
  }
}
