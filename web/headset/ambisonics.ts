/**
 * The sounds of the place, turned with the head: first-order ambisonics (W, Y, Z, X; ACN order, SN3D) to two ears.
 *
 * - The field is turned against the head, so that what stands somewhere in the place stays there.
 * - Six virtual loudspeakers (left, right, ahead, behind, up, down) share it: basic weights below 700 Hz, where ears
 *   hear by time, max-rE weights above, where they hear by level.
 * - Each ear hears each of them as a sphere does: later by Woodworth's path around the head, and brighter or duller by
 *   the pole and zero of C. P. Brown and R. O. Duda, "A structural model for binaural sound synthesis" (IEEE Trans.
 *   Speech and Audio Processing 6(5), 1998). What is behind is duller, as behind a pinna.
 *
 * Four of the six are as far from either ear, so the whole is seven small filters. Pure: runs in the worklet and in
 * tests.
 */

export type Quaternion = readonly [number, number, number, number];

const SAMPLE_RATE = 48_000;
const HEAD_RADIUS_M = 0.0875;
const SOUND_M_PER_S = 343;
/** First-order weights against W: basic, and max-rE (√⅓ of it). */
const BASIC = 3;
const MAX_RE = Math.sqrt(3);
const CROSSOVER_HZ = 700;
/** So that a sound is about as loud as in the two cardioids of the server's stereo (`audio_engine/space.py`). */
const LEVEL = 0.6 / 6;
/** Brown and Duda's α_min and θ_min: how little the head lets through at the top, and where that is. */
const SHADOW_MIN = 0.1;
const SHADOW_AT = (150 / 180) * Math.PI;
/** What a pinna leaves of the top of sounds from behind, and from where on. */
const BEHIND = 0.5;
const BEHIND_HZ = 2500;
const MASK = 63;

/** The matrix (row by row) that turns (Y, Z, X) for a head with the orientation `q` (x right, y up, −z ahead). */
export function turning([x, y, z, w]: Quaternion): Float64Array {
  // the head's rotation undone, in WebXR's axes
  const back = [
    1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y),
    2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x),
    2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y),
  ]; // prettier-ignore
  // (Y left, Z up, X ahead) are (−x, y, −z): where just one of a row and its column is y, the sign turns
  return Float64Array.from(back, (value, i) => ((Math.floor(i / 3) === 1) === (i % 3 === 1) ? value : -value));
}

/** One pole and one zero: gain 1 at the bottom, `top` at the top, between them around `hz`. */
class Shelf {
  readonly #b0: number;
  readonly #b1: number;
  readonly #a1: number;
  #in = 0;
  #out = 0;

  constructor(hz: number, top: number) {
    const k = Math.tan((Math.PI * hz) / SAMPLE_RATE);
    this.#b0 = (k + top) / (k + 1);
    this.#b1 = (k - top) / (k + 1);
    this.#a1 = (k - 1) / (k + 1);
  }

  next(sample: number): number {
    this.#out = this.#b0 * sample + this.#b1 * this.#in - this.#a1 * this.#out;
    this.#in = sample;
    return this.#out;
  }
}

/** The way to an ear from `angle` (0…π) off the ear's side: later by a fraction of a sample, and shadowed. */
class Way {
  readonly #line = new Float32Array(MASK + 1);
  readonly #whole: number;
  readonly #part: number;
  readonly #shadow: Shelf;
  #at = 0;

  constructor(angle: number) {
    const path = angle < Math.PI / 2 ? 1 - Math.cos(angle) : 1 + angle - Math.PI / 2;
    const late = (HEAD_RADIUS_M / SOUND_M_PER_S) * path * SAMPLE_RATE;
    this.#whole = Math.floor(late);
    this.#part = late - this.#whole;
    const top = 1 + SHADOW_MIN / 2 + (1 - SHADOW_MIN / 2) * Math.cos((angle / SHADOW_AT) * Math.PI);
    this.#shadow = new Shelf(SOUND_M_PER_S / HEAD_RADIUS_M / Math.PI, top);
  }

  next(sample: number): number {
    this.#at = (this.#at + 1) & MASK;
    this.#line[this.#at] = sample;
    const near = this.#line[(this.#at - this.#whole) & MASK] ?? 0;
    const far = this.#line[(this.#at - this.#whole - 1) & MASK] ?? 0;
    return this.#shadow.next(near + (far - near) * this.#part);
  }
}

export class Binaural {
  readonly #weigh = new Shelf(CROSSOVER_HZ, MAX_RE / BASIC);
  readonly #behind = new Shelf(BEHIND_HZ, BEHIND);
  readonly #sides = { leftNear: new Way(0), leftFar: new Way(Math.PI), rightNear: new Way(0), rightFar: new Way(Math.PI) };
  readonly #middle = new Way(Math.PI / 2);
  #matrix = turning([0, 0, 0, 1]);
  #goal = this.#matrix;

  /** Where the head looks from now on; the field is there at the end of the next `add`. */
  look(orientation: Quaternion): void {
    if (orientation.every(Number.isFinite)) this.#goal = turning(orientation);
  }

  /** How far to the left the head is turned in what is heard, degrees. */
  get yawDeg(): number {
    return (-Math.atan2(this.#matrix[2] ?? 0, this.#matrix[8] ?? 1) * 180) / Math.PI;
  }

  /** Add what both ears hear of `field` (W, Y, Z, X) to `left` and `right`; all of one length. */
  add(field: readonly Float32Array[], left: Float32Array, right: Float32Array): void {
    const [w, y, z, x] = field;
    if (w === undefined || y === undefined || z === undefined || x === undefined) return;
    const [from, to] = [this.#matrix, this.#goal];
    const now = from.slice();
    const step = to.map((value, i) => (value - (from[i] ?? 0)) / left.length);
    for (let i = 0; i < left.length; i++) {
      for (let k = 0; k < now.length; k++) now[k] = (now[k] ?? 0) + (step[k] ?? 0);
      const [wi, yi, zi, xi] = [w[i] ?? 0, y[i] ?? 0, z[i] ?? 0, x[i] ?? 0];
      // up and down, ahead and behind differ for no ear but in what is behind
      const side = BASIC * this.#weigh.next((now[0] ?? 0) * yi + (now[1] ?? 0) * zi + (now[2] ?? 0) * xi);
      const ahead = MAX_RE * ((now[6] ?? 0) * yi + (now[7] ?? 0) * zi + (now[8] ?? 0) * xi);
      const middle = this.#middle.next(LEVEL * (3 * wi + ahead + this.#behind.next(wi - ahead)));
      const [toLeft, toRight] = [LEVEL * (wi + side), LEVEL * (wi - side)];
      left[i] = (left[i] ?? 0) + middle + this.#sides.leftNear.next(toLeft) + this.#sides.leftFar.next(toRight);
      right[i] = (right[i] ?? 0) + middle + this.#sides.rightNear.next(toRight) + this.#sides.rightFar.next(toLeft);
    }
    this.#matrix = to;
  }
}
