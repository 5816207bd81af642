/** A WebSocket that comes back: with back-off, at once when the network returns, never when the server has said no. */

import { Backoff } from '../shared/backoff';
import type { LinkState } from './messages';

const NOT_JOINED = 4401;
const REPLACED = 4409;
/** A connection that has lived this long was good: the next wait starts small again. */
const PROVED_MS = 2000;

export interface SocketEvents {
  readonly state: (state: LinkState) => void;
  readonly message: (data: ArrayBuffer | string) => void;
}

export class Socket {
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #openedMs = 0;
  #ended = false;
  readonly #backoff = new Backoff(Math.random);

  constructor(
    private readonly url: string,
    private readonly events: SocketEvents,
  ) {
    this.#connect();
  }

  get open(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Bytes that the network has not taken yet. */
  get backlog(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Send if connected; says whether it was. */
  send(data: ArrayBuffer | string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(data);
    return true;
  }

  /** The network is said to be back: do not wait for the timer. */
  hurry(): void {
    if (this.#timer === null) return;
    this.#backoff.reset();
    this.#connect();
  }

  /** The connection looks dead although nobody closed it: drop it and connect again. */
  renew(): void {
    const old = this.#socket;
    if (old === null) return;
    this.#detach(old);
    old.close();
    this.#lost();
  }

  /** End for good. */
  close(): void {
    this.#ended = true;
    this.#clearTimer();
    this.#socket?.close(1000);
  }

  #connect(): void {
    this.#clearTimer();
    this.events.state('connecting');
    const socket = new WebSocket(this.url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      this.#openedMs = performance.now();
      this.events.state('open');
    };
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => this.events.message(event.data);
    socket.onclose = (event) => this.#closed(event.code);
  }

  #closed(code: number): void {
    if (this.#ended) return;
    if (code === NOT_JOINED || code === REPLACED) {
      this.#ended = true;
      this.events.state(code === NOT_JOINED ? 'refused' : 'replaced');
      return;
    }
    this.#lost();
  }

  #lost(): void {
    if (this.#openedMs > 0 && performance.now() - this.#openedMs > PROVED_MS) this.#backoff.reset();
    this.#openedMs = 0;
    this.#socket = null;
    this.events.state('lost');
    this.#timer = setTimeout(() => this.#connect(), this.#backoff.nextMs());
  }

  #detach(socket: WebSocket): void {
    socket.onopen = socket.onmessage = socket.onclose = null;
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
