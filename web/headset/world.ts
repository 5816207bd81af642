/**
 * The place: what is drawn at each display frame, in VR or on a screen, and what is told to the server. Stop needs
 * nothing but this page.
 */

import type { MicState, Phase, ServerText, StopSource } from '../shared/control';
import type { Fov, FrameHeader, Pose, Quat, Vec3 } from '../shared/protocol';
import { packPose, packShown } from '../shared/protocol';
import { Captions } from './captions';
import type { Diagnostics } from './diagnostics';
import { enterVr, type XrView } from './immersive';
import { SoundLink, VideoLink } from './links';
import { projectionOf } from './math';
import type { FromSound, FromVideo, LinkState, Picture, Pixels } from './messages';
import { Overlay } from './overlay';
import { type Eye, Painter } from './painter';
import { Presence } from './presence';
import { ScreenView } from './screen';
import type { SoundOut } from './sound';

export interface WorldEvents {
  /** One short line for the patient, or ''. */
  readonly status: (text: string) => void;
  readonly caption: (text: string, forS: number) => void;
  /** The session is over, by a stop or at its end. */
  readonly over: (how: 'stopped' | 'ended') => void;
  /** The server does not know this headset (any more), or another page took its place. */
  readonly gone: (why: 'refused' | 'replaced') => void;
  readonly vr: (on: boolean) => void;
  /** The patient tapped a button twice: they feel unwell. */
  readonly unwell: () => void;
  /** The patient pressed once at the microphone's sign: mute it, or turn it on again. */
  readonly switchMic: () => void;
  /** The server takes what the microphone hears, or does not any more. */
  readonly listening: (on: boolean) => void;
  /** The patient stopped here; the server may not know yet … */
  readonly stopRequested: () => void;
  /** … and now it does. */
  readonly stopConfirmed: () => void;
}

/** What the head did since the last display frame. */
interface Head {
  readonly position: Vec3;
  readonly orientation: Quat;
  readonly emulated: boolean;
  readonly eyes: readonly Eye[];
  readonly tanLeft: Fov;
  readonly tanRight: Fov;
  readonly ipdM: number;
  readonly pressed: boolean;
  readonly displayHz: number;
}

const STATS_EVERY_MS = 2000;
const OFF_HEAD_AFTER_MS = 1000;
const STATUS_AFTER_MS = 800;
/** It tells how much was heard every 200 ms while it speaks. */
const SPEAKING_MS = 600;
const SEATED: Vec3 = [0, 0, 0];
/** The calm place's light swells six times a minute, by this much: the pace that a lost link leaves with the patient. */
const GLOW = 0.05;
const GLOW_PERIOD_MS = 10_000;

const STATUS: Readonly<Partial<Record<Phase, string>>> = {
  READY: 'Your therapist will begin in a moment.',
  PAUSED: 'A short pause. You can rest here.',
};

export class World {
  readonly #gl: WebGL2RenderingContext;
  #painter: Painter | null;
  readonly #presence = new Presence();
  readonly #overlay: Overlay;
  readonly #video: VideoLink;
  readonly #sounds: SoundLink;
  #pending: Picture | null = null;
  #header: FrameHeader | null = null;
  #poseSeq = 0;
  #clockOffsetS: number | null = null;
  #lastMs: number | null = null;
  #awaySinceMs: number | null = null;
  #phase: Phase | null = null;
  readonly #captions = new Captions((text, forS) => this.events.caption(text, forS));
  #speakingUntilMs = 0;
  #mic: { readonly state: MicState; readonly switchable: boolean } = { state: 'off', switchable: false };
  #micTold = false;
  #listening = false;
  #screen: { view: ScreenView; end: AbortController } | null = null;
  #session: XRSession | null = null;
  #offHeadTimer: ReturnType<typeof setTimeout> | null = null;
  #visible = true;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly sound: SoundOut,
    private readonly reducedMotion: () => boolean,
    private readonly diagnostics: Diagnostics,
    private readonly events: WorldEvents,
  ) {
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false, xrCompatible: true });
    if (gl === null) throw new Error('this page needs WebGL 2, the browser gave none');
    this.#gl = gl;
    this.#painter = new Painter(gl);
    this.#overlay = new Overlay({
      stop: () => this.stop('controller'),
      unwell: () => this.events.unwell(),
      switchMic: () => this.events.switchMic(),
    });
    canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault(); // ask for it back
      this.#painter = this.#header = null;
    });
    canvas.addEventListener('webglcontextrestored', () => (this.#painter = new Painter(gl)));
    this.#video = new VideoLink((message) => this.#hearVideo(message));
    this.#sounds = new SoundLink((message) => this.#hearSound(message));
    window.addEventListener('online', () => this.#online());
    window.addEventListener('pagehide', () => this.close());
    setInterval(() => this.#report(), STATS_EVERY_MS);
  }

  /** Let the sound worker pour into the worklet. */
  connectSound(port: MessagePort): void {
    this.#sounds.worklet(port);
  }

  /** Let the microphone pour into the sound worker; null: it has ended. */
  connectMicrophone(port: MessagePort | null): void {
    this.#sounds.microphone(port);
  }

  /** What became of the microphone, and whether the patient may switch it in VR. */
  micState(state: MicState, switchable: boolean): void {
    if (state !== this.#mic.state || !this.#micTold) this.#sounds.micState(state);
    this.#micTold = true;
    this.#mic = { state, switchable };
    this.#overlay.microphone({ ...this.#mic, listening: this.#listening });
  }

  /** Look around on this screen from now on. */
  startScreen(): void {
    this.stopScreen();
    const end = new AbortController();
    this.#screen = { view: new ScreenView(this.canvas, this.reducedMotion, end.signal), end };
    const loop = (nowMs: number): void => {
      if (end.signal.aborted) return;
      requestAnimationFrame(loop);
      if (this.#session === null && this.#screen !== null) this.#screenFrame(this.#screen.view, nowMs);
    };
    requestAnimationFrame(loop);
  }

  stopScreen(): void {
    this.#screen?.end.abort();
    this.#screen = null;
  }

  /** Follow a phone's motion. Call from a gesture. */
  async followDevice(): Promise<boolean> {
    return (await this.#screen?.view.followDevice(this.#screen.end.signal)) ?? false;
  }

  /** Go into VR. Call from a gesture. */
  async enterVr(): Promise<void> {
    this.#session = await enterVr(this.#gl, {
      frame: (view, nowMs) => this.#step(view, nowMs),
      visible: (visible) => this.#worn(visible),
      ended: () => {
        this.#session = null;
        this.#worn(true);
        this.events.vr(false);
      },
    });
    this.events.vr(true);
  }

  async leaveVr(): Promise<void> {
    await this.#session?.end();
  }

  /** The patient stops: dark-warm picture and fading sound at once, whatever the server does. */
  stop(source: StopSource): void {
    if (!this.#presence.stopped) this.#over('stopped');
    this.#sounds.stop(source);
    this.events.stopRequested();
  }

  /** The patient feels unwell: the server softens the place and tells the therapist. */
  unwell(level: number): void {
    this.#sounds.unwell(level);
  }

  /** Words that hang in the room in VR. */
  say(text: string): void {
    this.#overlay.say(text);
  }

  /** Words that hang in the room in VR for a while, before any others. */
  caption(text: string, forS: number): void {
    this.#overlay.caption(text, forS, performance.now());
  }

  close(): void {
    this.#sounds.close();
    this.#video.close();
  }

  #over(how: 'stopped' | 'ended'): void {
    if (how === 'stopped') {
      this.#presence.stop();
      this.sound.stop();
    } else {
      this.#presence.setSafe(true, 3);
      this.sound.hush(true, 4);
    }
    this.events.over(how);
  }

  // ---- what comes in ----

  #hearVideo(message: FromVideo): void {
    switch (message.kind) {
      case 'link':
        this.diagnostics.set({ videoOpen: message.state === 'open' ? 1 : 0 });
        if (message.state !== 'open') this.#presence.linkDropped();
        this.#linkEnded(message.state);
        break;
      case 'picture':
        this.#pictureCame(message.picture);
        break;
      case 'counts': {
        const { bad, ...counts } = message.counts;
        this.diagnostics.set({ ...counts, badVideo: bad });
        break;
      }
    }
  }

  #hearSound(message: FromSound): void {
    switch (message.kind) {
      case 'link':
        this.diagnostics.set({ controlOpen: message.state === 'open' ? 1 : 0 });
        this.#heardBy(false); // until it says so again
        this.#linkEnded(message.state);
        break;
      case 'text':
        this.#hearServer(message.text);
        break;
      case 'clock':
        this.#clockOffsetS = message.offsetS;
        this.diagnostics.set({ clockOffsetS: message.offsetS, rttMs: message.rttMs });
        break;
      case 'stop-confirmed':
        this.events.stopConfirmed();
        break;
      case 'played': {
        const { utterance, ms, done } = message.played;
        this.#captions.played(utterance, ms, done, performance.now());
        this.#speakingUntilMs = done ? 0 : performance.now() + SPEAKING_MS;
        this.diagnostics.set({ speechUtterance: utterance, speechPlayedMs: ms, speechDone: done ? 1 : 0 });
        break;
      }
      case 'counts':
        this.diagnostics.set({ micPackets: message.micPackets, audioPackets: message.packets, badControl: message.bad });
        break;
    }
  }

  #hearServer(text: ServerText): void {
    switch (text.type) {
      case 'welcome':
        if (text.phase !== null) this.#enterPhase(text.phase);
        break;
      case 'phase':
        this.#enterPhase(text.phase);
        break;
      case 'caption':
        this.#captions.add(text.text, text.utterance, performance.now());
        break;
      case 'cue':
        this.#captions.cue(text.utterance, text.at, text.ms);
        break;
      case 'hush':
        this.#captions.drop(text.utterance);
        break;
      case 'listen':
        this.#heardBy(text.on);
        break;
      case 'soften':
        break; // done in the worker
      case 'safe':
        this.#presence.setSafe(text.on, text.fadeS);
        this.sound.hush(text.on, text.fadeS);
        break;
      case 'error':
        console.warn(`server: ${text.what}`);
        break;
      case 'pong':
        break; // answered in the worker
    }
  }

  #heardBy(listening: boolean): void {
    if (listening === this.#listening) return;
    this.#listening = listening;
    this.#overlay.microphone({ ...this.#mic, listening });
    this.events.listening(listening);
  }

  #enterPhase(phase: Phase): void {
    const was = this.#phase;
    this.#phase = phase;
    if (phase === was || this.#presence.stopped) return;
    if (phase === 'STOPPED') this.#over('stopped');
    else if (phase === 'ENDED') this.#over('ended');
  }

  #linkEnded(state: LinkState): void {
    if (state === 'refused' || state === 'replaced') this.events.gone(state);
  }

  #pictureCame(picture: Picture): void {
    if (this.#pending !== null) this.#release(this.#pending.pixels);
    this.#pending = picture;
    const nowMs = performance.now();
    const ageMs = this.#clockOffsetS === null ? null : this.#ageMs(picture.header, nowMs);
    this.#presence.frameArrived(nowMs, ageMs);
  }

  #release(pixels: Pixels): void {
    if (pixels.kind === 'frame') pixels.frame.close();
    this.#video.taken(pixels.kind === 'planar' ? pixels.buffer : null);
  }

  #online(): void {
    this.#video.online();
    this.#sounds.online();
  }

  /** The headset is on the head or off it: off for a second means silence until it is on again. */
  #worn(visible: boolean): void {
    this.#visible = visible;
    if (this.#offHeadTimer !== null) clearTimeout(this.#offHeadTimer);
    if (visible) this.sound.hush(false, 0);
    else this.#offHeadTimer = setTimeout(() => this.sound.hush(true, 0.5), OFF_HEAD_AFTER_MS);
  }

  // ---- what goes out, at each display frame ----

  #screenFrame(view: ScreenView, nowMs: number): void {
    this.#fitCanvas();
    const { width, height } = this.canvas;
    const dtS = this.#lastMs === null ? 0 : Math.max(0, nowMs - this.#lastMs) / 1000;
    const orientation = view.step(dtS);
    const fov = view.fov;
    const viewport = { x: 0, y: 0, width, height };
    const eye: Eye = { index: 0, viewport, projection: projectionOf(fov), orientation, position: SEATED };
    this.#gl.bindFramebuffer(this.#gl.FRAMEBUFFER, null);
    const common = { position: SEATED, orientation, emulated: true, eyes: [eye] };
    this.#step({ ...common, tanLeft: fov, tanRight: fov, ipdM: 0, pressed: false, displayHz: 0 }, nowMs);
  }

  #fitCanvas(): void {
    const scale = Math.min(window.devicePixelRatio, 2);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((px) => Math.max(1, Math.round(px * scale)));
    if (width === undefined || height === undefined) return;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }

  #step(head: Head | XrView, nowMs: number): void {
    const dtS = this.#lastMs === null ? 0 : Math.max(0, nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    this.#sendPose(head, nowMs);
    const fresh = this.#takePicture();
    const mix = this.#presence.step(nowMs);
    this.#tellStatus(nowMs);
    this.#captions.step(nowMs, nowMs < this.#speakingUntilMs);
    this.#overlay.press(head, nowMs, this.#presence.stopped || this.#phase === 'ENDED');
    const labels = this.#session === null ? [] : this.#overlay.step(dtS, head);
    const swell = this.reducedMotion() ? 0 : Math.sin((nowMs * 2 * Math.PI) / GLOW_PERIOD_MS);
    for (const eye of head.eyes) {
      this.#painter?.draw(eye, { mix, header: this.#header, glow: 1 + GLOW * swell, labels });
    }
    if (fresh !== null) this.#tellShown(fresh, nowMs);
    this.#note(nowMs, mix);
  }

  #sendPose(head: Head | XrView, nowMs: number): void {
    const { position, orientation, tanLeft, tanRight, ipdM, displayHz, emulated } = head;
    this.#poseSeq = (this.#poseSeq + 1) % 2 ** 32 || 1;
    const pose: Pose = {
      seq: this.#poseSeq, clientMs: nowMs, position, orientation, tanLeft, tanRight, ipdM, displayHz, emulated,
    }; // prettier-ignore
    this.#video.pose(packPose(pose));
    this.sound.look(orientation);
    this.diagnostics.poseSent(pose);
  }

  /** Upload the newest picture, if there is one; returns its header. */
  #takePicture(): FrameHeader | null {
    const picture = this.#pending;
    if (picture === null || this.#painter === null) return null;
    this.#pending = null;
    this.#painter.upload(picture.pixels, picture.depth);
    this.#video.taken(picture.pixels.kind === 'planar' ? picture.pixels.buffer : null);
    this.diagnostics.set({ planar: picture.pixels.kind === 'planar' ? 1 : 0, depthNodes: picture.depth?.nodes ?? 0 });
    this.#header = picture.header;
    return picture.header;
  }

  #tellShown(header: FrameHeader, nowMs: number): void {
    const ageMs = this.#ageMs(header, nowMs);
    this.#video.shown(packShown(header.frameId, nowMs, header.poseSeq, ageMs));
    this.diagnostics.frameShown(header, nowMs, ageMs);
  }

  /** How long ago a frame was rendered, by the mapped clocks; before they are known, since its pose was taken. */
  #ageMs(header: FrameHeader, nowMs: number): number {
    if (this.#clockOffsetS === null) return header.poseSeq === 0 ? 0 : nowMs - header.poseClientMs;
    return nowMs - (header.renderAtS - this.#clockOffsetS) * 1000;
  }

  #tellStatus(nowMs: number): void {
    const away = !this.#presence.here && !this.#presence.stopped;
    if (!away) this.#awaySinceMs = null;
    else this.#awaySinceMs ??= nowMs;
    const long = this.#awaySinceMs !== null && nowMs - this.#awaySinceMs > STATUS_AFTER_MS;
    let status = this.#phase === null ? '' : (STATUS[this.#phase] ?? '');
    if (long) status = this.#presence.everHere ? 'One moment. Stay with your breath.' : 'One moment. The place is coming.';
    if (this.#presence.stopped || this.#phase === 'ENDED') return;
    this.events.status(status);
    this.#overlay.say(status);
  }

  #note(nowMs: number, mix: { readonly picture: number; readonly safe: number }): void {
    this.diagnostics.displayed(nowMs);
    const { stats } = this.sound;
    this.diagnostics.set({
      ...mix,
      stopped: this.#presence.stopped ? 1 : 0,
      inVr: this.#session === null ? 0 : 1,
      audioLevel: this.sound.level,
      ...(stats && {
        audioBufferMs: stats.bufferMs,
        audioTargetMs: stats.targetMs,
        audioUnderruns: stats.underruns,
        audioRms: stats.rms,
        audioPeak: stats.peak,
        audioStep: stats.step,
        audioYawDeg: stats.yawDeg,
        speechRms: stats.speechRms,
        speechStep: stats.speechStep,
        speechUnderruns: stats.speechUnderruns,
        audioLeftOverRightDb: stats.leftOverRightDb,
      }),
    });
  }

  #report(): void {
    this.#sounds.stats({
      fps: this.diagnostics.fps,
      frame_age_ms_p50: this.diagnostics.medianAgeMs,
      audio_buffer_ms: this.sound.stats?.bufferMs ?? null,
      underruns: this.sound.stats?.underruns ?? null,
      visible: this.#visible && document.visibilityState === 'visible',
    });
  }
}
