import { ApiError, api } from './api';
import { History } from './history';
import { Link, type LinkStatus } from './link';
import type { Command, RoomState, Wish } from './types';

/** Between two tries of a STOP that did not get through. */
const STOP_AGAIN_MS = 500;

/** Everything that the page knows of one room, as it changes. */
export class Live {
  readonly room: string;
  state = $state.raw<RoomState | null>(null);
  link = $state.raw<LinkStatus>({ kind: 'connecting' });
  picture = $state.raw<ImageBitmap | null>(null);
  /** When the newest state and picture came (performance.now()). */
  stateMs = $state(0);
  pictureMs = $state<number | null>(null);
  nowMs = $state(performance.now());
  /** Grows by one with each new point of `history`. */
  points = $state(0);
  trouble = $state('');
  stopping = $state<'' | 'sent' | 'failing'>('');
  acknowledged = $state.raw<ReadonlySet<number>>(new Set());

  readonly history = new History();
  private readonly socket: Link;
  private readonly ticking: ReturnType<typeof setInterval>;
  private pictures = 0;
  private stopTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: string, private readonly signedOut: () => void) {
    this.room = room;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.socket = new Link(`${scheme}://${location.host}/ws/panel/${encodeURIComponent(room)}`, {
      status: (status) => this.linked(status),
      state: (state) => this.take(state),
      picture: (jpeg) => void this.show(jpeg),
      refused: (what) => {
        if (this.stopping === '') this.trouble = what;
      },
    });
    this.ticking = setInterval(() => (this.nowMs = performance.now()), 500);
    this.socket.open();
  }

  /** How old what is on the page is, beyond the ages that the room itself gave, s. */
  get sinceS(): number {
    return Math.max(0, (this.nowMs - this.stateMs) / 1000);
  }

  reconnect(): void {
    this.socket.open();
  }

  close(): void {
    clearInterval(this.ticking);
    clearTimeout(this.stopTimer);
    this.socket.close();
    this.picture?.close();
  }

  async command(command: Command): Promise<boolean> {
    try {
      await api.command(this.room, command);
      this.trouble = '';
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  steer(wish: Wish, value: number | null): Promise<boolean> {
    return this.command({ command: 'steer', steer: { [wish]: value } });
  }

  acknowledge(alarm: number): void {
    this.acknowledged = new Set([...this.acknowledged, alarm]);
    api.command(this.room, { command: 'acknowledge', alarm }).catch((error: unknown) => this.failed(error));
  }

  /** STOP over both ways at once, and again until the server has heard it. */
  stop(): void {
    clearTimeout(this.stopTimer);
    if (this.stopping === '') this.stopping = 'sent';
    this.socket.send({ command: 'stop' });
    api.command(this.room, { command: 'stop' }).then(
      () => this.stopped(),
      (error: unknown) => {
        if (this.state?.phase === 'STOPPED') return this.stopped();
        if (error instanceof ApiError && error.status === 401) return this.failed(error);
        this.stopping = 'failing';
        this.stopTimer = setTimeout(() => this.stop(), STOP_AGAIN_MS);
      },
    );
  }

  private stopped(): void {
    clearTimeout(this.stopTimer);
    this.stopping = '';
    this.trouble = '';
  }

  private linked(status: LinkStatus): void {
    this.link = status;
    if (status.kind === 'signed-out') this.signedOut();
  }

  private take(state: RoomState): void {
    if (state.phase === 'READY' && this.state?.phase !== 'READY') this.history.clear();
    if (state.phase === 'STOPPED' && this.stopping !== '') this.stopped();
    const news = state.at_s !== this.state?.at_s; // a room that is gone keeps its last state
    this.state = state;
    this.nowMs = performance.now();
    if (news) this.stateMs = this.nowMs;
    if (state.phase !== null && this.history.push(state)) this.points += 1;
  }

  private async show(jpeg: ArrayBuffer): Promise<void> {
    const mine = ++this.pictures;
    let picture: ImageBitmap;
    try {
      picture = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
    } catch {
      this.trouble = 'a picture of the mirror could not be read';
      return;
    }
    if (mine !== this.pictures) return picture.close(); // a newer one is on its way
    this.picture?.close();
    this.picture = picture;
    this.pictureMs = performance.now();
  }

  private failed(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) this.signedOut();
    else this.trouble = error.message;
  }
}
