/** A pane that hangs in the room in VR, 1.6 m away: a canvas to draw on, a place, and what the painter needs of both. */

import type { Quat, Vec3 } from '../shared/protocol';
import { rotate, yawOf } from './math';

export interface Label {
  readonly picture: HTMLCanvasElement;
  /** Changes when the words do. */
  readonly serial: number;
  readonly centre: Vec3;
  readonly facing: Quat;
  readonly halfWidthM: number;
  readonly halfHeightM: number;
  readonly opacity: number;
}

export interface Wearer {
  readonly position: Vec3;
  readonly orientation: Quat;
}

export interface PaneSize {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly halfWidthM: number;
  /** How far below the eyes its middle hangs. */
  readonly belowEyeM: number;
}

const DISTANCE_M = 1.6;

export class Pane {
  readonly #picture = document.createElement('canvas');
  readonly #pen: CanvasRenderingContext2D;
  #serial = 0;
  #centre: Vec3;
  #facing: Quat = [0, 0, 0, 1];

  constructor(readonly size: PaneSize) {
    this.#picture.width = size.widthPx;
    this.#picture.height = size.heightPx;
    const pen = this.#picture.getContext('2d');
    if (pen === null) throw new Error('words in VR need a 2-D canvas, the browser gave none');
    this.#pen = pen;
    this.#centre = [0, -size.belowEyeM, -DISTANCE_M];
  }

  get centre(): Vec3 {
    return this.#centre;
  }

  get facing(): Quat {
    return this.#facing;
  }

  /** Hang where the head faces now, upright. */
  hang({ position, orientation }: Wearer): void {
    this.#facing = yawOf(orientation);
    const ahead = rotate(this.#facing, [0, -this.size.belowEyeM, -DISTANCE_M]);
    this.#centre = [position[0] + ahead[0], position[1] + ahead[1], position[2] + ahead[2]];
  }

  /** A pen on a cleared canvas, for another picture. */
  anew(): CanvasRenderingContext2D {
    this.#serial++;
    this.#pen.clearRect(0, 0, this.size.widthPx, this.size.heightPx);
    return this.#pen;
  }

  label(opacity: number): Label {
    const { widthPx, heightPx, halfWidthM } = this.size;
    return {
      picture: this.#picture,
      serial: this.#serial,
      centre: this.#centre,
      facing: this.#facing,
      halfWidthM,
      halfHeightM: (halfWidthM * heightPx) / widthPx,
      opacity,
    };
  }
}
