/** What goes to and from the sound worklet. Apart from `messages.ts` because a worklet knows no `VideoFrame`. */

export type ToWorklet = { readonly kind: 'source'; readonly port: MessagePort };

/** From the sound worker straight to the worklet. */
export type Samples = { readonly left: Float32Array; readonly right: Float32Array } | { readonly gap: true };

export interface SoundStats {
  readonly bufferMs: number;
  readonly targetMs: number;
  readonly underruns: number;
  readonly playing: boolean;
  /** Of what was played since the last report, before the fades of the page. */
  readonly rms: number;
  readonly peak: number;
  /** Greatest step between neighbouring samples, to catch clicks. */
  readonly step: number;
}
