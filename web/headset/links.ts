/** The page's ends of the two workers. */

import type { MicState, StopSource, Stats } from '../shared/control';
import type { FromSound, FromVideo, ToSound, ToVideo } from './messages';

function socketUrl(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

export class VideoLink {
  readonly #worker = new Worker(new URL('./video.worker.ts', import.meta.url), { type: 'module', name: 'video' });

  constructor(hear: (message: FromVideo) => void) {
    this.#worker.onmessage = ({ data }: MessageEvent<FromVideo>) => hear(data);
    this.#tell({ kind: 'start', url: socketUrl('/ws/headset/video'), timeOrigin: performance.timeOrigin });
  }

  pose(data: ArrayBuffer): void {
    this.#tell({ kind: 'pose', data }, [data]);
  }

  shown(data: ArrayBuffer): void {
    this.#tell({ kind: 'shown', data }, [data]);
  }

  taken(buffer: ArrayBuffer | null): void {
    this.#tell({ kind: 'taken', buffer }, buffer === null ? [] : [buffer]);
  }

  online(): void {
    this.#tell({ kind: 'online' });
  }

  close(): void {
    this.#tell({ kind: 'close' });
  }

  #tell(message: ToVideo, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

export class SoundLink {
  readonly #worker = new Worker(new URL('./sound.worker.ts', import.meta.url), { type: 'module', name: 'sound' });

  constructor(hear: (message: FromSound) => void) {
    this.#worker.onmessage = ({ data }: MessageEvent<FromSound>) => hear(data);
    this.#tell({
      kind: 'start',
      url: socketUrl('/ws/headset/control'),
      timeOrigin: performance.timeOrigin,
      agent: navigator.userAgent.slice(0, 500),
      codecs: ['h264', 'vp9'],
    });
  }

  worklet(port: MessagePort): void {
    this.#tell({ kind: 'worklet', port }, [port]);
  }

  microphone(port: MessagePort | null): void {
    this.#tell({ kind: 'microphone', port }, port === null ? [] : [port]);
  }

  micState(state: MicState): void {
    this.#tell({ kind: 'mic-state', state });
  }

  stop(source: StopSource): void {
    this.#tell({ kind: 'stop', source });
  }

  unwell(level: number): void {
    this.#tell({ kind: 'unwell', level });
  }

  stats(stats: Stats): void {
    this.#tell({ kind: 'stats', stats });
  }

  online(): void {
    this.#tell({ kind: 'online' });
  }

  close(): void {
    this.#tell({ kind: 'close' });
  }

  #tell(message: ToSound, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}
