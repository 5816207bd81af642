/** Looking around without a headset: drag, arrow keys, or the phone's own motion. */

import type { Fov, Quat } from '../shared/protocol';
import { around, conjugate, multiply, orientationOfDevice, yawOf } from './math';

const HALF_HEIGHT_TAN = Math.tan((35 * Math.PI) / 180);
const MAX_HALF_WIDTH_TAN = 1.3;
const MAX_PITCH = (70 * Math.PI) / 180;
const KEY_SPEED = (50 * Math.PI) / 180;
/** Keys and drags are eased so that the view glides; without the easing if the user wants less motion. */
const EASE_S = 0.12;

const KEYS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

export class ScreenView {
  #yaw = 0;
  #pitch = 0;
  #shownYaw = 0;
  #shownPitch = 0;
  readonly #held = new Set<string>();
  #device: Quat | null = null;
  #deviceAhead: Quat | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly reducedMotion: () => boolean,
    signal: AbortSignal,
  ) {
    canvas.addEventListener('pointerdown', (event) => canvas.setPointerCapture(event.pointerId), { signal });
    canvas.addEventListener('pointermove', (event) => this.#drag(event), { signal });
    window.addEventListener('keydown', (event) => this.#key(event, true), { signal });
    window.addEventListener('keyup', (event) => this.#key(event, false), { signal });
    window.addEventListener('blur', () => this.#held.clear(), { signal });
  }

  /** Vertical field 70°; wide screens see more, up to 105°. */
  get fov(): Fov {
    const aspect = this.canvas.width / Math.max(1, this.canvas.height);
    const halfWidth = Math.min(MAX_HALF_WIDTH_TAN, HALF_HEIGHT_TAN * aspect);
    const halfHeight = halfWidth / aspect;
    return [halfWidth, halfWidth, halfHeight, halfHeight];
  }

  /** Follow the phone's motion from now on. Call from a user's gesture; false if the user or the phone says no. */
  async followDevice(signal: AbortSignal): Promise<boolean> {
    const event = DeviceOrientationEvent as typeof DeviceOrientationEvent & { requestPermission?: () => Promise<string> };
    if (event.requestPermission !== undefined && (await event.requestPermission()) !== 'granted') return false;
    window.addEventListener('deviceorientation', (e) => this.#deviceTurned(e), { signal });
    return true;
  }

  /** Where the camera looks after `dtS` more seconds. */
  step(dtS: number): Quat {
    for (const key of this.#held) {
      const [x, y] = KEYS[key] ?? [0, 0];
      this.#turnBy(x * KEY_SPEED * dtS, y * KEY_SPEED * dtS);
    }
    const ease = this.reducedMotion() ? 1 : 1 - Math.exp(-dtS / EASE_S);
    this.#shownYaw += (this.#yaw - this.#shownYaw) * ease;
    this.#shownPitch += (this.#pitch - this.#shownPitch) * ease;
    const base = around('y', this.#shownYaw);
    return multiply(base, this.#device ?? around('x', this.#shownPitch));
  }

  #drag(event: PointerEvent): void {
    if (!this.canvas.hasPointerCapture(event.pointerId)) return;
    const perPixel = (2 * Math.atan(this.fov[2])) / Math.max(1, this.canvas.clientHeight);
    this.#turnBy(event.movementX * perPixel, event.movementY * perPixel);
  }

  #turnBy(yaw: number, pitch: number): void {
    this.#yaw += yaw;
    this.#pitch = Math.max(-MAX_PITCH, Math.min(MAX_PITCH, this.#pitch + pitch));
  }

  #key(event: KeyboardEvent, down: boolean): void {
    if (!(event.key in KEYS)) return;
    if (down) this.#held.add(event.key);
    else this.#held.delete(event.key);
    event.preventDefault();
  }

  #deviceTurned({ alpha, beta, gamma }: DeviceOrientationEvent): void {
    if (alpha === null || beta === null || gamma === null) return;
    const now = orientationOfDevice(alpha, beta, gamma, screen.orientation.angle);
    this.#deviceAhead ??= conjugate(yawOf(now)); // where the phone pointed first is straight ahead
    this.#device = multiply(this.#deviceAhead, now);
  }
}
