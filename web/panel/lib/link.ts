import type { Command, RoomState } from './types';

export type LinkStatus =
  | { kind: 'connecting' }
  | { kind: 'open' }
  | { kind: 'lost'; retryInMs: number }
  | { kind: 'signed-out' }
  | { kind: 'no-room' };

export interface LinkEvents {
  status(status: LinkStatus): void;
  state(state: RoomState): void;
  picture(jpeg: ArrayBuffer): void;
  refused(what: string): void;
}

/** A page that was closed shows everything within three seconds: so never wait longer between two tries. */
export const LONGEST_WAIT_MS = 2500;
/** A socket that is open and silent for this long is dead: the room speaks ten times a second. */
export const SILENCE_MS = 4000;

/** `WebSocket.OPEN`. */
const OPEN = 1;

export function waitBefore(failures: number): number {
  return Math.min(LONGEST_WAIT_MS, 250 * 2 ** failures);
}

/** One room's socket, opened again whenever it is lost. */
export class Link {
  private socket: WebSocket | null = null;
  private failures = 0;
  private alive = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly address: string,
    private readonly events: LinkEvents,
    private readonly make: (address: string) => WebSocket = (to) => new WebSocket(to),
  ) {}

  open(): void {
    clearTimeout(this.timer);
    this.drop();
    if (this.closed) return;
    this.events.status({ kind: 'connecting' });
    const socket = this.make(this.address);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.watch(socket);
    socket.addEventListener('message', (message: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.socket) return;
      this.watch(socket);
      this.take(message.data);
    });
    socket.addEventListener('close', (event: CloseEvent) => {
      if (socket === this.socket) this.lose(event.code);
    });
  }

  /** Send `command` on the open socket; false if there is none. */
  send(command: Command): boolean {
    if (this.socket?.readyState !== OPEN) return false;
    this.socket.send(JSON.stringify({ type: 'command', ...command }));
    return true;
  }

  /** End it for good. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.drop();
  }

  private take(data: string | ArrayBuffer): void {
    if (typeof data !== 'string') {
      this.events.picture(data);
      return;
    }
    const message = JSON.parse(data) as RoomState | { type: 'error'; what: string };
    if (message.type === 'error') {
      this.events.refused(message.what);
      return;
    }
    if (!this.alive) this.events.status({ kind: 'open' });
    this.alive = true;
    this.failures = 0;
    this.events.state(message);
  }

  private watch(socket: WebSocket): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (socket === this.socket) this.lose(1006);
    }, SILENCE_MS);
  }

  private lose(code: number): void {
    clearTimeout(this.timer);
    this.drop();
    if (code === 4401) return this.events.status({ kind: 'signed-out' });
    if (code === 4404) return this.events.status({ kind: 'no-room' });
    const retryInMs = waitBefore(this.failures);
    this.failures += 1;
    this.events.status({ kind: 'lost', retryInMs });
    this.timer = setTimeout(() => this.open(), retryInMs);
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.alive = false;
    socket?.close();
  }
}
