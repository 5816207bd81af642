/** What goes to and from the sound worklet. Apart from `messages.ts` because a worklet knows no `VideoFrame`. */

import type { Quaternion } from './ambisonics';
import type { Played, SpeechPacket } from './speech';

export type ToWorklet =
  | { readonly kind: 'source'; readonly port: MessagePort }
  /** Where the head looks: the sounds of the place stay where they are. */
  /** Of the guide's voice only safety lines are heard: the safe picture is there, or a stop. */
  | { readonly kind: 'safe-only'; readonly on: boolean; readonly fadeS: number }
  | { readonly kind: 'head'; readonly orientation: Quaternion };

/** From the sound worker straight to the worklet: left, right, and where there is a place W, Y, Z, X of it; speech. */
export type Samples =
  | { readonly channels: readonly Float32Array[] }
  | { readonly gap: true }
  | { readonly speech: SpeechPacket }
  /** Utterance 0: all, up to `through`. */
  | { readonly hush: number; readonly fadeS: number; readonly through: number }
  | { readonly soften: boolean }
  /** The server begins to count its utterances afresh. */
  | { readonly afresh: true };

/** And back: what was heard of the guide's voice. */
export type Heard = readonly Played[];

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
  /** Of the guide's voice, which is not in the figures above. */
  readonly speechRms: number;
  readonly speechStep: number;
  readonly speechUnderruns: number;
}
