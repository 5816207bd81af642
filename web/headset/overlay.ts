/**
 * What hangs in the room for eyes that wear the headset (words, the microphone's sign), and what their buttons mean:
 * held it is a stop, pressed twice it is "I feel unwell", pressed once with the head at the sign it is the microphone.
 */

import { HoldToStop, TapTwice } from './gestures';
import { Words } from './label';
import type { Label, Wearer } from './pane';
import { MicSign, type MicView } from './sign';

const HOLD_SHOWN_FROM = 0.2;
const TAP_SHOWN_S = 2.5;

export interface OverlayEvents {
  readonly stop: () => void;
  readonly unwell: () => void;
  /** Mute the microphone, or turn it on again. */
  readonly switchMic: () => void;
}

interface Head extends Wearer {
  readonly pressed: boolean;
}

export class Overlay {
  readonly #hold = new HoldToStop();
  readonly #taps = new TapTwice();
  readonly #words = new Words();
  readonly #sign = new MicSign();
  #sentence = '';
  #caption: { readonly text: string; readonly untilMs: number } | null = null;
  #switched = false;

  constructor(private readonly events: OverlayEvents) {}

  /** Words that stay until others come. */
  say(text: string): void {
    this.#sentence = text;
  }

  /** Words for a while, before any others. */
  caption(text: string, forS: number, nowMs: number): void {
    this.#caption = text === '' ? null : { text, untilMs: nowMs + forS * 1000 };
  }

  microphone(view: MicView): void {
    this.#sign.tell(view);
  }

  /** Take what is pressed, tell what it means; `over`: only a stop means anything. */
  press({ pressed }: Head, nowMs: number, over: boolean): void {
    const held = this.#hold.step(pressed, nowMs);
    if (held === 1) this.events.stop();
    const tap = this.#taps.step(pressed, nowMs);
    if (tap !== null && !over) this.#heed(tap, nowMs);
    if (this.#caption !== null && nowMs > this.#caption.untilMs) this.#caption = null;
    this.#words.say(held > HOLD_SHOWN_FROM ? 'Keep holding to stop.' : (this.#caption?.text ?? this.#sentence));
  }

  /** What to draw in VR at this display frame. */
  step(dtS: number, head: Head): readonly Label[] {
    return [this.#sign.step(dtS, head), this.#words.step(dtS, head)].filter((label) => label !== null);
  }

  /** Two presses are "unwell" wherever one looks: what the first did to the microphone is taken back. */
  #heed(tap: 'first' | 'second', nowMs: number): void {
    if (tap === 'second') {
      if (this.#switched) this.events.switchMic();
      this.#switched = false;
      this.events.unwell();
      return;
    }
    this.#switched = this.#sign.aimedAt;
    if (this.#switched) this.events.switchMic();
    else this.caption('Press once more if you feel unwell. Hold to stop.', TAP_SHOWN_S, nowMs);
  }
}
