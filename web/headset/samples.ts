/** What goes to and from the sound worklet. Apart from `messages.ts` because a worklet knows no `VideoFrame`. */

import type { Quaternion } from './ambisonics';

export type ToWorklet =
  | { readonly kind: 'source'; readonly port: MessagePort }
  /** Where the head looks: the sounds of the place stay where they are. */
  | { readonly kind: 'head'; readonly orientation: Quaternion };

/** From the sound worker straight to the worklet: left, right, and where there is a place W, Y, Z, X of it. */
export type Samples = { readonly channels: readonly Float32Array[] } | { readonly gap: true };

export interface SoundStats {
  readonly bufferMs: number;
  readonly targetMs: number;
  readonly underruns: number;
  readonly playing: boolean;
  /** Of what was played since the last report, before the fades of the page. */
  readonly rms: number;
  readonly peak: number;
  /** How far to the left the head is turned in what is heard, degrees; `null` without a place. */
  readonly yawDeg: number | null;
  /** Level of the left ear over the right one since the last report, dB; `null` in silence. */
  readonly leftOverRightDb: number | null;
  /** Greatest step between neighbouring samples, to catch clicks. */
  readonly step: number;
}
