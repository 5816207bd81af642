/** Rotations, frusta and re-projection. Quaternions are (x, y, z, w); matrices are column-major, as WebGL wants them. */

import type { Fov, Quat, Vec3 } from '../shared/protocol';

/** A 3×3 matrix, column-major. */
export type Mat3 = readonly [number, number, number, number, number, number, number, number, number];
/** 16 numbers, column-major. */
export type Mat4 = Float32Array;

export const IDENTITY: Quat = [0, 0, 0, 1];

export function multiply(a: Quat, b: Quat): Quat {
  const [ax, ay, az, aw] = a;
  const [bx, by, bz, bw] = b;
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}

export function conjugate([x, y, z, w]: Quat): Quat {
  return [-x, -y, -z, w];
}

export function normalised([x, y, z, w]: Quat): Quat {
  const norm = Math.hypot(x, y, z, w);
  return [x / norm, y / norm, z / norm, w / norm];
}

/** Rotation of `angle` radians around the x, y or z axis. */
export function around(axis: 'x' | 'y' | 'z', angle: number): Quat {
  const s = Math.sin(angle / 2);
  return [axis === 'x' ? s : 0, axis === 'y' ? s : 0, axis === 'z' ? s : 0, Math.cos(angle / 2)];
}

export function toMat3([x, y, z, w]: Quat): Mat3 {
  return [
    1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w),
    2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w),
    2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y),
  ]; // prettier-ignore
}

export function rotate(q: Quat, [x, y, z]: Vec3): Vec3 {
  const m = toMat3(q);
  return [m[0] * x + m[3] * y + m[6] * z, m[1] * x + m[4] * y + m[7] * z, m[2] * x + m[5] * y + m[8] * z];
}

/** The part of `q` that turns around the vertical: where the head faces, without nod and tilt. */
export function yawOf(q: Quat): Quat {
  const [x, , z] = rotate(q, [0, 0, -1]);
  return around('y', Math.atan2(-x, -z));
}

/** Tan-FOV of a WebXR or OpenGL projection matrix, symmetric or not. */
export function fovOf(p: ArrayLike<number>): Fov {
  const [p0, p5, p8, p9] = [p[0] ?? 1, p[5] ?? 1, p[8] ?? 0, p[9] ?? 0];
  return [(1 - p8) / p0, (1 + p8) / p0, (1 + p9) / p5, (1 - p9) / p5];
}

/** Projection matrix of a tan-FOV. */
export function projectionOf([left, right, up, down]: Fov, near = 0.05, far = 100): Mat4 {
  const m = new Float32Array(16);
  m[0] = 2 / (left + right);
  m[5] = 2 / (up + down);
  m[8] = (right - left) / (left + right);
  m[9] = (up - down) / (up + down);
  m[10] = -(far + near) / (far - near);
  m[11] = -1;
  m[14] = (-2 * far * near) / (far - near);
  return m;
}

/** From clip x, y to a direction at z = −1: (x scale, x offset, y scale, y offset). Any projection, asymmetric too. */
export function unprojection(p: ArrayLike<number>): Quat {
  const [left, right, up, down] = fovOf(p);
  return [(left + right) / 2, (right - left) / 2, (up + down) / 2, (up - down) / 2];
}

/** The rotation that takes a direction in the axes of an eye now into the axes of the head that a frame was rendered for. */
export function turn(eyeNow: Quat, headRendered: Quat): Quat {
  return multiply(conjugate(headRendered), eyeNow);
}

/** Where a direction (in the axes of the rendered head) lies in an eye's picture: (0, 0) top left … (1, 1); null behind. */
export function pictureUv([x, y, z]: Vec3, [left, right, up, down]: Fov): readonly [number, number] | null {
  if (z >= 0) return null;
  return [(x / -z + left) / (left + right), (up - y / -z) / (up + down)];
}

/** The tan-FOV, seen in the head's own axes, that holds all of an eye's view even if the eye's axes are canted. */
export function headFov(eyeInHead: Quat, [left, right, up, down]: Fov): Fov {
  const corners: Vec3[] = [[-left, up, -1], [right, up, -1], [-left, -down, -1], [right, -down, -1]];
  const seen = corners.map((corner) => rotate(eyeInHead, corner)).map(([x, y, z]) => [x / -z, y / -z] as const);
  const xs = seen.map(([x]) => x);
  const ys = seen.map(([, y]) => y);
  return [-Math.min(...xs), Math.max(...xs), Math.max(...ys), -Math.min(...ys)];
}

/** `projection` × inverse of the pose: from world metres to clip space. */
export function clipFromWorld(projection: ArrayLike<number>, position: Vec3, orientation: Quat): Mat4 {
  const r = toMat3(conjugate(orientation));
  const t = rotate(conjugate(orientation), position);
  const view = [r[0], r[1], r[2], 0, r[3], r[4], r[5], 0, r[6], r[7], r[8], 0, -t[0], -t[1], -t[2], 1];
  const out = new Float32Array(16);
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += (projection[4 * k + row] ?? 0) * (view[4 * column + k] ?? 0);
      out[4 * column + row] = sum;
    }
  }
  return out;
}

/** Device orientation angles (degrees, W3C Z-X′-Y″) and the screen's own angle to the pose of a camera that looks out of its back. */
export function orientationOfDevice(alpha: number, beta: number, gamma: number, screenAngle: number): Quat {
  const rad = Math.PI / 180;
  const device = multiply(multiply(around('y', alpha * rad), around('x', beta * rad)), around('z', -gamma * rad));
  return multiply(multiply(device, around('x', -Math.PI / 2)), around('z', -screenAngle * rad));
}

/** Angle between two directions, radians. */
export function angleBetween(a: Vec3, b: Vec3): number {
  const cross = Math.hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
  return Math.atan2(cross, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}
