/** Words for eyes that wear the headset: a pane 1.6 m away, letters well above 1.3°, fading in and out. */

import type { Quat } from '../shared/protocol';
import { rotate, yawOf } from './math';
import { type Label, Pane, type Wearer } from './pane';

const WIDTH_PX = 1024;
const HEIGHT_PX = 320;
/** 54 px on this pane are 84 mm at 1.6 m: 3° for a line, 1.5° for a small letter. */
const LETTER_PX = 54;
const LINE_PX = 74;
const FADE_S = 0.5;
/** Words that follow others in their place come faster: a caption keeps step with a voice. */
const SWAP_S = 0.15;
/** … and stay there unless the head has turned further than this. */
const SAME_PLACE_COS = Math.cos((20 * Math.PI) / 180);

export class Words {
  readonly #pane = new Pane({ widthPx: WIDTH_PX, heightPx: HEIGHT_PX, halfWidthM: 0.8, belowEyeM: 0.3 });
  #text = '';
  #wanted = '';
  #opacity = 0;
  #swapped = false;

  /** Words to show, or '' for none. Others fade out first. */
  say(text: string): void {
    this.#wanted = text;
  }

  /** Advance the fade; new words hang in front of where the head faces now. */
  step(dtS: number, head: Wearer): Label | null {
    const swaps = this.#swapped || (this.#wanted !== this.#text && this.#wanted !== '');
    const step = Math.min(dtS, 0.05) / (swaps ? SWAP_S : FADE_S);
    if (this.#opacity === 1 && this.#wanted === this.#text) this.#swapped = false;
    if (this.#wanted === this.#text && this.#text !== '') this.#opacity = Math.min(1, this.#opacity + step);
    else this.#opacity = Math.max(0, this.#opacity - step);
    if (this.#opacity === 0 && this.#wanted !== this.#text) {
      this.#swapped = this.#text !== '' && this.#wanted !== '';
      if (!this.#swapped || this.#turnedAway(head)) this.#pane.hang(head);
      this.#text = this.#wanted;
      this.#write();
    }
    if (this.#text === '' || this.#opacity === 0) return null;
    return this.#pane.label(this.#opacity);
  }

  #turnedAway({ orientation }: { readonly orientation: Quat }): boolean {
    const [now, then] = [yawOf(orientation), this.#pane.facing].map((yaw) => rotate(yaw, [0, 0, -1]));
    return now === undefined || then === undefined || now[0] * then[0] + now[2] * then[2] < SAME_PLACE_COS;
  }

  #write(): void {
    const pen = this.#pane.anew();
    pen.font = `${LETTER_PX}px Georgia, "Times New Roman", serif`;
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    const lines = this.#lines(pen);
    pen.fillStyle = 'rgba(22, 13, 9, 0.72)';
    pen.beginPath();
    pen.roundRect(0, (HEIGHT_PX - lines.length * LINE_PX) / 2 - 24, WIDTH_PX, lines.length * LINE_PX + 48, 36);
    pen.fill();
    pen.fillStyle = '#f4e6d2';
    lines.forEach((line, i) => pen.fillText(line, WIDTH_PX / 2, HEIGHT_PX / 2 + (i - (lines.length - 1) / 2) * LINE_PX));
  }

  #lines(pen: CanvasRenderingContext2D): string[] {
    const lines: string[] = [];
    for (const word of this.#text.split(/\s+/)) {
      const longer = lines.length === 0 ? word : `${lines[lines.length - 1] ?? ''} ${word}`;
      if (lines.length > 0 && pen.measureText(longer).width <= WIDTH_PX - 80) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines.slice(0, 3);
  }
}
