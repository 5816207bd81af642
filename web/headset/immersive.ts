/** Immersive VR through WebXR: the session, the seated origin, both eyes, and whether any button is held. */

import type { Fov, Quat, Vec3 } from '../shared/protocol';
import { conjugate, fovOf, headFov, multiply, yawOf } from './math';
import type { Eye } from './painter';

/** The head and eyes at one display frame, in metres from the seated origin (where the eyes were at the start). */
export interface XrView {
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

export interface XrEvents {
  /** Draw now, into the framebuffer that is bound. */
  readonly frame: (view: XrView, nowMs: number) => void;
  readonly visible: (visible: boolean) => void;
  readonly ended: () => void;
}

export async function vrSupported(): Promise<boolean> {
  return (await navigator.xr?.isSessionSupported('immersive-vr')) ?? false;
}

/** Start VR. Call from a user's gesture. */
export async function enterVr(gl: WebGL2RenderingContext, events: XrEvents): Promise<XRSession> {
  if (navigator.xr === undefined) throw new Error('VR needs WebXR, this browser has none');
  const session = await navigator.xr.requestSession('immersive-vr', {
    optionalFeatures: ['local-floor', 'hand-tracking'],
  });
  session.addEventListener('end', () => events.ended());
  session.addEventListener('visibilitychange', () => events.visible(session.visibilityState !== 'hidden'));
  await gl.makeXRCompatible();
  const layer = new XRWebGLLayer(session, gl, { antialias: false, alpha: false, depth: false, stencil: false });
  await session.updateRenderState({ baseLayer: layer });
  const floor = await session.requestReferenceSpace('local-floor').catch((error: unknown) => {
    if (error instanceof DOMException) return session.requestReferenceSpace('local');
    throw error;
  });
  const run = new XrRun(session, gl, layer, floor, events);
  run.start();
  return session;
}

class XrRun {
  readonly #pinching = new Set<XRInputSource>();
  #seated: XRReferenceSpace | null = null;

  constructor(
    private readonly session: XRSession,
    private readonly gl: WebGL2RenderingContext,
    private readonly layer: XRWebGLLayer,
    private readonly base: XRReferenceSpace,
    private readonly events: XrEvents,
  ) {
    session.addEventListener('selectstart', ({ inputSource }) => this.#pinching.add(inputSource));
    session.addEventListener('selectend', ({ inputSource }) => this.#pinching.delete(inputSource));
    base.addEventListener('reset', () => (this.#seated = null)); // the patient (or the room) was re-centred
  }

  start(): void {
    this.session.requestAnimationFrame((_, frame) => this.#frame(frame));
  }

  #frame(frame: XRFrame): void {
    this.session.requestAnimationFrame((_, next) => this.#frame(next));
    this.#seated ??= this.#sitDown(frame);
    const pose = this.#seated === null ? undefined : frame.getViewerPose(this.#seated);
    if (pose === undefined) return; // tracking is lost: the compositor holds the last picture
    this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, this.layer.framebuffer);
    this.events.frame(this.#view(pose), performance.now());
  }

  /** The seated origin: at the eyes' own height, facing where the head faces first, level. */
  #sitDown(frame: XRFrame): XRReferenceSpace | null {
    const pose = frame.getViewerPose(this.base);
    if (pose === undefined) return null;
    const [x, y, z, w] = yawOf(quat(pose.transform.orientation));
    const { position } = pose.transform;
    const origin = new XRRigidTransform({ x: position.x, y: position.y, z: position.z }, { x, y, z, w });
    return this.base.getOffsetReferenceSpace(origin);
  }

  #view(pose: XRViewerPose): XrView {
    const orientation = quat(pose.transform.orientation);
    const eyes = pose.views.map((view) => this.#eye(view));
    const left = eyes.find((eye) => eye.index === 0) ?? eyes[0];
    const right = eyes.find((eye) => eye.index === 1) ?? left;
    if (left === undefined || right === undefined) throw new Error('a viewer pose must have at least 1 view, got 0');
    const inHead = (eye: Eye) => headFov(multiply(conjugate(orientation), eye.orientation), fovOf(eye.projection));
    return {
      position: vec(pose.transform.position),
      orientation,
      emulated: pose.emulatedPosition,
      eyes,
      tanLeft: inHead(left),
      tanRight: inHead(right),
      ipdM: Math.min(0.2, Math.hypot(...left.position.map((value, i) => value - (right.position[i] ?? 0)))),
      pressed: this.#pressed(),
      displayHz: this.session.frameRate ?? 0,
    };
  }

  #eye(view: XRView): Eye {
    const viewport = this.layer.getViewport(view) ?? { x: 0, y: 0, width: 0, height: 0 };
    return {
      index: view.eye === 'right' ? 1 : 0,
      viewport,
      projection: view.projectionMatrix,
      orientation: quat(view.transform.orientation),
      position: vec(view.transform.position),
    };
  }

  #pressed(): boolean {
    const sources = [...this.session.inputSources];
    const button = sources.some((source) => source.gamepad?.buttons.some((b) => b.pressed) ?? false);
    return button || sources.some((source) => this.#pinching.has(source));
  }
}

function quat({ x, y, z, w }: DOMPointReadOnly): Quat {
  return [x, y, z, w];
}

function vec({ x, y, z }: DOMPointReadOnly): Vec3 {
  return [x, y, z];
}
