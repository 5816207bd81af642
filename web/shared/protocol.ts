/**
 * The headset's binary wire, as values. Little-endian; the layout is that of `vr_world/streaming/protocol.py`.
 * Axes are WebXR's (metres, y up, −z forward); a tan-FOV is the tangents of the half angles, all positive.
 */

export const VERSION = 1;

export type Vec3 = readonly [number, number, number];
/** Unit quaternion (x, y, z, w). */
export type Quat = readonly [number, number, number, number];
/** Tangents of the half angles (left, right, up, down). */
export type Fov = readonly [number, number, number, number];

/** Bytes that are not a message of our protocol: what, the limit, what came. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

/**
 * A picture that is coarse (the rim: the whole view, `rimPx` a side) with a fine middle (`middlePx` a side). The rims
 * of both eyes lie side by side; below them, each at the left of its eye's half, the middles, whose tan-FOVs these are.
 */
export interface Foveation {
  readonly rimPx: number;
  readonly middlePx: number;
  readonly middleLeft: Fov;
  readonly middleRight: Fov;
}

/** How a frame was made: exactly the pose and field of view that its pixels show. */
export interface FrameHeader {
  readonly frameId: number;
  /** 0 means that no pose had come yet. */
  readonly poseSeq: number;
  readonly eyeWidth: number;
  readonly eyeHeight: number;
  readonly renderAtS: number;
  readonly sentAtS: number;
  readonly poseClientMs: number;
  readonly position: Vec3;
  readonly orientation: Quat;
  readonly tanLeft: Fov;
  readonly tanRight: Fov;
  readonly ipdM: number;
  readonly key: boolean;
  readonly vp9: boolean;
  readonly safe: boolean;
  /** All round, the same for both eyes: no pose, no tan-FOV. Straight ahead (−z) is in the middle. */
  readonly panorama: boolean;
  /** How the picture is divided, if it is. */
  readonly foveation: Foveation | null;
}

export interface Frame {
  readonly header: FrameHeader;
  /** The packed grid of the picture's depth, if it has one: a view into the message, not a copy. */
  readonly depth: Uint8Array<ArrayBuffer> | null;
  /** The encoded picture: a view into the message, not a copy. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

export interface AudioPacket {
  readonly seq: number;
  readonly playAtS: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** What of the sound with the same `seq` belongs to the place: (W, Y) and (Z, X) in two Opus packets. */
export interface AudioPlace {
  readonly seq: number;
  readonly packets: readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
}

/** 20 ms of the guide's voice. Utterances count up; `safety`: heard even after a stop. */
export interface Speech {
  readonly seq: number;
  readonly playAtS: number;
  readonly utterance: number;
  readonly last: boolean;
  readonly safety: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export interface Pose {
  readonly seq: number;
  readonly clientMs: number;
  readonly position: Vec3;
  readonly orientation: Quat;
  readonly tanLeft: Fov;
  readonly tanRight: Fov;
  readonly ipdM: number;
  readonly displayHz: number;
  /** A screen or a headset without position, not a tracked head. */
  readonly emulated: boolean;
}

/** Why a key frame is asked for. */
export const KeyReason = { start: 1, gap: 2, decodeError: 3, overload: 4, silence: 5 } as const;
export type KeyReason = (typeof KeyReason)[keyof typeof KeyReason];

const FRAME_TYPE = 1;
const POSE_TYPE = 2;
const ACK_TYPE = 3;
const KEY_REQUEST_TYPE = 4;
const SHOWN_TYPE = 5;
const AUDIO_TYPE = 16;
const SPEECH_TYPE = 17;
const AUDIO_PLACE_TYPE = 18;
const MICROPHONE_TYPE = 19;
export const FRAME_HEADER_BYTES = 104;
const DEPTH_FLAG = 8;
const PANORAMA_FLAG = 32;
const FOVEATED_FLAG = 64;
const FOVEATION_BYTES = 36;
const AUDIO_HEADER_BYTES = 16;
const AUDIO_PLACE_HEADER_BYTES = 20;
const SPEECH_HEADER_BYTES = 20;
const MICROPHONE_HEADER_BYTES = 16;
const LAST_FLAG = 1;
const SAFETY_FLAG = 2;
export const POSE_BYTES = 84;

/** Parse one message of the video socket. Throws `BadMessage`. */
export function parseFrame(data: ArrayBuffer): Frame {
  const view = opened(data, FRAME_TYPE, FRAME_HEADER_BYTES);
  const flags = view.getUint16(2, true);
  const header: FrameHeader = {
    frameId: view.getUint32(4, true),
    poseSeq: view.getUint32(8, true),
    eyeWidth: view.getUint16(12, true),
    eyeHeight: view.getUint16(14, true),
    renderAtS: finite('render_at_s', view.getFloat64(16, true)),
    sentAtS: finite('sent_at_s', view.getFloat64(24, true)),
    poseClientMs: finite('pose_client_ms', view.getFloat64(32, true)),
    position: vec3(view, 40),
    orientation: unit(vec4(view, 52)),
    tanLeft: positive(vec4(view, 68)),
    tanRight: positive(vec4(view, 84)),
    ipdM: finite('ipd_m', view.getFloat32(100, true)),
    key: (flags & 1) !== 0,
    vp9: (flags & 2) !== 0,
    safe: (flags & 4) !== 0,
    panorama: (flags & PANORAMA_FLAG) !== 0,
    foveation: (flags & FOVEATED_FLAG) === 0 ? null : foveationOf(view),
  };
  const fixed = FRAME_HEADER_BYTES + (header.foveation === null ? 0 : FOVEATION_BYTES);
  if ((flags & DEPTH_FLAG) === 0) return { header, depth: null, payload: new Uint8Array(data, fixed) };
  const begin = fixed + 2;
  const size = data.byteLength > begin ? view.getUint16(fixed, true) : 0;
  if (size === 0 || data.byteLength <= begin + size) {
    throw new BadMessage(`frame must have more than ${begin + size} bytes with its depth, got ${data.byteLength}`);
  }
  return { header, depth: new Uint8Array(data, begin, size), payload: new Uint8Array(data, begin + size) };
}

function foveationOf(view: DataView): Foveation {
  const least = FRAME_HEADER_BYTES + FOVEATION_BYTES;
  if (view.byteLength <= least) throw new BadMessage(`divided frame must have more than ${least} bytes, got ${view.byteLength}`);
  const [rimPx, middlePx] = [view.getUint16(FRAME_HEADER_BYTES, true), view.getUint16(FRAME_HEADER_BYTES + 2, true)];
  if (middlePx < 1 || middlePx > rimPx) throw new BadMessage(`frame's middle must have 1 to ${rimPx} px, got ${middlePx}`);
  const [middleLeft, middleRight] = [vec4(view, FRAME_HEADER_BYTES + 4), vec4(view, FRAME_HEADER_BYTES + 20)];
  return { rimPx, middlePx, middleLeft: positive(middleLeft), middleRight: positive(middleRight) };
}

/** Parse one binary message of the control socket. Throws `BadMessage`. */
export function parseAudio(data: ArrayBuffer): AudioPacket {
  const view = opened(data, AUDIO_TYPE, AUDIO_HEADER_BYTES);
  return {
    seq: view.getUint32(4, true),
    playAtS: finite('play_at_s', view.getFloat64(8, true)),
    payload: new Uint8Array(data, AUDIO_HEADER_BYTES),
  };
}

/** Whether a binary message of the control socket is a place's and not the bed's. */
export function isAudioPlace(data: ArrayBuffer): boolean {
  return data.byteLength > 0 && new DataView(data).getUint8(0) === AUDIO_PLACE_TYPE;
}

/** Parse the sounds of the place. Throws `BadMessage`. */
export function parseAudioPlace(data: ArrayBuffer): AudioPlace {
  const view = opened(data, AUDIO_PLACE_TYPE, AUDIO_PLACE_HEADER_BYTES);
  const second = AUDIO_PLACE_HEADER_BYTES + view.getUint16(16, true);
  if (second === AUDIO_PLACE_HEADER_BYTES || second >= data.byteLength) {
    throw new BadMessage(`audio place must have two packets, got ${data.byteLength} bytes, the second at ${second}`);
  }
  return {
    seq: view.getUint32(4, true),
    packets: [new Uint8Array(data, AUDIO_PLACE_HEADER_BYTES, second - AUDIO_PLACE_HEADER_BYTES), new Uint8Array(data, second)],
  };
}

/** Whether a binary message of the control socket is the guide's voice. */
export function isSpeech(data: ArrayBuffer): boolean {
  return data.byteLength > 0 && new DataView(data).getUint8(0) === SPEECH_TYPE;
}

/** Parse 20 ms of the guide's voice. Throws `BadMessage`. */
export function parseSpeech(data: ArrayBuffer): Speech {
  const view = opened(data, SPEECH_TYPE, SPEECH_HEADER_BYTES);
  const flags = view.getUint16(2, true);
  return {
    seq: view.getUint32(4, true),
    playAtS: finite('play_at_s', view.getFloat64(8, true)),
    utterance: view.getUint32(16, true),
    last: (flags & LAST_FLAG) !== 0,
    safety: (flags & SAFETY_FLAG) !== 0,
    payload: new Uint8Array(data, SPEECH_HEADER_BYTES),
  };
}

export function packMicrophone(seq: number, clientMs: number, payload: Uint8Array): ArrayBuffer {
  const view = head(MICROPHONE_TYPE, MICROPHONE_HEADER_BYTES + payload.byteLength, 0);
  view.setUint32(4, seq, true);
  view.setFloat64(8, clientMs, true);
  new Uint8Array(view.buffer).set(payload, MICROPHONE_HEADER_BYTES);
  return view.buffer;
}

export function packPose(pose: Pose): ArrayBuffer {
  const view = head(POSE_TYPE, POSE_BYTES, pose.emulated ? 1 : 0);
  view.setUint32(4, pose.seq, true);
  view.setFloat64(8, pose.clientMs, true);
  const floats = [
    ...pose.position,
    ...pose.orientation,
    ...pose.tanLeft,
    ...pose.tanRight,
    pose.ipdM,
    pose.displayHz,
  ];
  floats.forEach((value, i) => view.setFloat32(16 + 4 * i, value, true));
  return view.buffer;
}

export function packAck(frameId: number, receivedClientMs: number, decodeMs: number): ArrayBuffer {
  const view = head(ACK_TYPE, 24, 0);
  view.setUint32(4, frameId, true);
  view.setFloat64(8, receivedClientMs, true);
  view.setFloat32(16, decodeMs, true);
  return view.buffer;
}

export function packKeyRequest(reason: KeyReason, lastFrameId: number): ArrayBuffer {
  const view = head(KEY_REQUEST_TYPE, 8, reason);
  view.setUint32(4, lastFrameId, true);
  return view.buffer;
}

export function packShown(frameId: number, shownClientMs: number, poseSeq: number, ageMs: number): ArrayBuffer {
  const view = head(SHOWN_TYPE, 24, 0);
  view.setUint32(4, frameId, true);
  view.setFloat64(8, shownClientMs, true);
  view.setUint32(16, poseSeq, true);
  view.setFloat32(20, ageMs, true);
  return view.buffer;
}

function opened(data: ArrayBuffer, type: number, headerBytes: number): DataView {
  if (data.byteLength <= headerBytes) {
    throw new BadMessage(`message of type ${type} must have more than ${headerBytes} bytes, got ${data.byteLength}`);
  }
  const view = new DataView(data);
  if (view.getUint8(0) !== type) throw new BadMessage(`message type must be ${type}, got ${view.getUint8(0)}`);
  if (view.getUint8(1) !== VERSION) throw new BadMessage(`message version must be ${VERSION}, got ${view.getUint8(1)}`);
  return view;
}

function head(type: number, bytes: number, flags: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint8(0, type);
  view.setUint8(1, VERSION);
  view.setUint16(2, flags, true);
  return view;
}

function finite(what: string, value: number): number {
  if (!Number.isFinite(value)) throw new BadMessage(`${what} must be finite, got ${value}`);
  return value;
}

function vec3(view: DataView, at: number): Vec3 {
  const float = (i: number) => finite('position', view.getFloat32(at + 4 * i, true));
  return [float(0), float(1), float(2)];
}

function vec4(view: DataView, at: number): Quat {
  const float = (i: number) => finite('header', view.getFloat32(at + 4 * i, true));
  return [float(0), float(1), float(2), float(3)];
}

function unit(q: Quat): Quat {
  const norm = Math.hypot(...q);
  if (Math.abs(norm - 1) > 0.01) throw new BadMessage(`orientation norm must be 1 ± 0.01, got ${norm}`);
  return q;
}

function positive(fov: Fov): Fov {
  for (const tan of fov) {
    if (!(tan > 0 && tan < 100)) throw new BadMessage(`tan-FOV must be within 0…100, got ${tan}`);
  }
  return fov;
}
