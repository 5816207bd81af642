/** The microphone's sign in VR: small and low, below where captions hang; words come when it is looked at. */

import type { MicState } from '../shared/control';
import type { Vec3 } from '../shared/protocol';
import { rotate, yawOf } from './math';
import { type Label, Pane, type Wearer } from './pane';

/** What the sign tells. */
export interface MicView {
  readonly state: MicState;
  /** The server takes what the microphone hears, now. */
  readonly listening: boolean;
  /** The patient has agreed to it on this page, so that a press may switch it. */
  readonly switchable: boolean;
}

/** 25° down: captions end at 20°. */
const BELOW_EYE_M = 0.75;
const WIDTH_PX = 768;
const HEIGHT_PX = 200;
const LETTER_PX = 54;
const ICON_Y_PX = 64;
const REST_OPACITY = 0.6;
const FADE_S = 0.4;
/** Looked at: the head points within this of the sign, for so long. Who reads a caption does not point there. */
const LOOKED_COS = Math.cos((9 * Math.PI) / 180);
const LOOKED_AFTER_S = 0.25;
/** The head has turned away for good: the sign comes along. */
const AWAY_COS = Math.cos((35 * Math.PI) / 180);
const AWAY_AFTER_S = 0.8;

export class MicSign {
  readonly #pane = new Pane({ widthPx: WIDTH_PX, heightPx: HEIGHT_PX, halfWidthM: 0.6, belowEyeM: BELOW_EYE_M });
  #view: MicView = { state: 'off', listening: false, switchable: false };
  #opacity = 0;
  #hangs = false;
  #lookedS = 0;
  #awayS = 0;
  #drawnLooked = false;
  /** The patient agreed to a microphone once; to others a sign of it would only be in the way. */
  #agreed = false;

  constructor() {
    this.#draw();
  }

  /** Whether a press is for the microphone now. */
  get aimedAt(): boolean {
    return this.#view.switchable && this.#lookedS >= LOOKED_AFTER_S;
  }

  tell(view: MicView): void {
    const same = view.state === this.#view.state && view.listening === this.#view.listening;
    if (same && view.switchable === this.#view.switchable) return;
    this.#view = view;
    this.#agreed ||= view.switchable;
    this.#draw();
  }

  /** Advance to the next display frame; returns what to draw. */
  step(dtS: number, head: Wearer): Label | null {
    if (!this.#agreed) return null;
    if (!this.#hangs) this.#hang(head);
    const looked = this.#look(dtS, head, this.#pane.centre);
    if (looked !== this.#drawnLooked) this.#draw(looked);
    const away = this.#awayS > AWAY_AFTER_S;
    const wanted = away ? 0 : looked ? 1 : REST_OPACITY;
    const step = Math.min(dtS, 0.05) / FADE_S;
    this.#opacity = wanted > this.#opacity ? Math.min(wanted, this.#opacity + step) : Math.max(wanted, this.#opacity - step);
    if (away && this.#opacity === 0) this.#hang(head);
    return this.#opacity === 0 ? null : this.#pane.label(this.#opacity);
  }

  #look(dtS: number, { position, orientation }: Wearer, centre: Vec3): boolean {
    const ahead = rotate(orientation, [0, 0, -1]);
    const [x, y, z] = [centre[0] - position[0], centre[1] - position[1], centre[2] - position[2]];
    const cos = (ahead[0] * x + ahead[1] * y + ahead[2] * z) / Math.max(1e-6, Math.hypot(x, y, z));
    this.#lookedS = cos >= LOOKED_COS ? this.#lookedS + dtS : 0;
    const level = rotate(yawOf(orientation), [0, 0, -1]);
    const turned = (level[0] * x + level[2] * z) / Math.max(1e-6, Math.hypot(x, z));
    this.#awayS = turned < AWAY_COS ? this.#awayS + dtS : 0;
    return this.#lookedS >= LOOKED_AFTER_S;
  }

  #hang(head: Wearer): void {
    this.#pane.hang(head);
    this.#hangs = true;
    this.#awayS = 0;
  }

  #draw(looked = this.#drawnLooked): void {
    this.#drawnLooked = looked;
    const pen = this.#pane.anew();
    drawIcon(pen, this.#view);
    if (looked) drawWords(pen, micHint(this.#view));
  }
}

/** What the sign says to who looks at it. */
export function micHint({ state, listening, switchable }: MicView): string {
  if (state === 'on') return listening ? 'Listening. Press to mute.' : 'On. Press to mute.';
  return switchable ? 'Muted. Press to talk.' : state === 'missing' ? 'No microphone' : 'Microphone off';
}

/** The usual sign: a capsule in a bow on a stand; filled while it listens, struck through while nothing is heard. */
function drawIcon(pen: CanvasRenderingContext2D, { state, listening }: MicView): void {
  const [x, y] = [WIDTH_PX / 2, ICON_Y_PX];
  const on = state === 'on';
  pen.fillStyle = 'rgba(22, 13, 9, 0.72)';
  pen.beginPath();
  pen.arc(x, y, 56, 0, 2 * Math.PI);
  pen.fill();
  pen.strokeStyle = pen.fillStyle = on && listening ? '#f0b878' : '#d5bfa5';
  pen.lineWidth = 5;
  pen.lineCap = 'round';
  pen.beginPath();
  pen.roundRect(x - 11, y - 32, 22, 40, 11);
  if (on && listening) pen.fill();
  pen.stroke();
  pen.beginPath();
  pen.arc(x, y - 2, 23, 0.12 * Math.PI, 0.88 * Math.PI);
  pen.moveTo(x, y + 21);
  pen.lineTo(x, y + 33);
  pen.moveTo(x - 13, y + 33);
  pen.lineTo(x + 13, y + 33);
  pen.stroke();
  if (on) return;
  for (const [colour, width] of [['#160d09', 15], ['#f4e6d2', 6]] as const) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(x - 30, y - 34);
    pen.lineTo(x + 30, y + 34);
    pen.stroke();
  }
}

function drawWords(pen: CanvasRenderingContext2D, words: string): void {
  pen.font = `${LETTER_PX}px Georgia, "Times New Roman", serif`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  const half = pen.measureText(words).width / 2 + 28;
  pen.fillStyle = 'rgba(22, 13, 9, 0.72)';
  pen.beginPath();
  pen.roundRect(WIDTH_PX / 2 - half, HEIGHT_PX - 72, 2 * half, 72, 30);
  pen.fill();
  pen.fillStyle = '#f4e6d2';
  pen.fillText(words, WIDTH_PX / 2, HEIGHT_PX - 34);
}
