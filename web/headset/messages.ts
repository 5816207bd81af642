/** What the page and its two workers say to each other. Plain data, structured-cloned; buffers are transferred. */

import type { MicState, Stats, StopSource, ServerText } from '../shared/control';
import type { FrameHeader } from '../shared/protocol';
import type { DepthGrid } from './depth';
import type { Played } from './speech';

/** State of a socket. `refused`: the server will not have us (4401); `replaced`: another page took our place (4409). */
export type LinkState = 'connecting' | 'open' | 'lost' | 'refused' | 'replaced';

export interface Start {
  readonly kind: 'start';
  readonly url: string;
  /** `performance.timeOrigin` of the page: client milliseconds are always the page's. */
  readonly timeOrigin: number;
}

/** How to turn luma and chroma into red, green, blue. */
export interface Colour {
  readonly matrix: 'bt601' | 'bt709';
  readonly fullRange: boolean;
}

/** Where a plane lies in the buffer. */
export interface Plane {
  readonly offset: number;
  readonly stride: number;
}

export type Pixels =
  | {
      readonly kind: 'planar';
      readonly format: 'I420' | 'NV12';
      readonly buffer: ArrayBuffer;
      readonly planes: readonly Plane[];
      readonly colour: Colour;
      readonly width: number;
      readonly height: number;
    }
  | { readonly kind: 'frame'; readonly frame: VideoFrame; readonly width: number; readonly height: number };

export interface Picture {
  readonly header: FrameHeader;
  readonly depth: DepthGrid | null;
  readonly pixels: Pixels;
  readonly arrivedMs: number;
}

export type ToVideo =
  | Start
  | { readonly kind: 'pose'; readonly data: ArrayBuffer }
  | { readonly kind: 'shown'; readonly data: ArrayBuffer }
  /** The page has taken a picture and may have another; it gives the buffer back for the next one. */
  | { readonly kind: 'taken'; readonly buffer: ArrayBuffer | null }
  | { readonly kind: 'online' }
  | { readonly kind: 'close' };

export type FromVideo =
  | { readonly kind: 'link'; readonly state: LinkState }
  | { readonly kind: 'picture'; readonly picture: Picture }
  | { readonly kind: 'counts'; readonly counts: VideoCounts };

export interface VideoCounts {
  readonly received: number;
  readonly decoded: number;
  readonly superseded: number;
  readonly dropped: number;
  readonly bad: number;
  readonly decodeErrors: number;
  readonly keyRequests: number;
}

export type ToSound =
  | (Start & { readonly agent: string; readonly codecs: readonly string[] })
  /** The worklet's end of the line: decoded sound goes there without touching the page. */
  | { readonly kind: 'worklet'; readonly port: MessagePort }
  /** The microphone's end of the line, or null: it has ended. */
  | { readonly kind: 'microphone'; readonly port: MessagePort | null }
  | { readonly kind: 'mic-state'; readonly state: MicState }
  | { readonly kind: 'stop'; readonly source: StopSource }
  /** The patient says how unwell they feel: 0 (well again) … 1. */
  | { readonly kind: 'unwell'; readonly level: number }
  | { readonly kind: 'stats'; readonly stats: Stats }
  | { readonly kind: 'online' }
  | { readonly kind: 'close' };

export type FromSound =
  | { readonly kind: 'link'; readonly state: LinkState }
  | { readonly kind: 'text'; readonly text: ServerText }
  | { readonly kind: 'clock'; readonly offsetS: number; readonly rttMs: number }
  | { readonly kind: 'stop-confirmed' }
  | { readonly kind: 'played'; readonly played: Played }
  | { readonly kind: 'counts'; readonly packets: number; readonly micPackets: number; readonly bad: number; readonly decodeErrors: number };
