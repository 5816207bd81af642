import { describe, expect, it } from 'vitest';

import type { Fov, Quat, Vec3 } from '../shared/protocol';
import * as m from './math';

const DEG = Math.PI / 180;
/** The left eye of a headset whose frusta are not symmetric, and its mirror image. */
const LEFT: Fov = [1.376, 0.839, 0.966, 1.428];
const RIGHT: Fov = [0.839, 1.376, 0.966, 1.428];

const close = (a: readonly number[], b: readonly number[], within = 1e-9) =>
  a.forEach((value, i) => expect(Math.abs(value - (b[i] ?? NaN)), `component ${i}: ${a} is not ${b}`).toBeLessThan(within));

/** What the vertex shader does for one clip position. */
const shaderDirection = (clip: readonly [number, number], projection: ArrayLike<number>, turn: Quat): Vec3 => {
  const [sx, ox, sy, oy] = m.unprojection(projection);
  return m.rotate(turn, [clip[0] * sx + ox, clip[1] * sy + oy, -1]);
};

const clipOf = (projection: ArrayLike<number>, [x, y, z]: Vec3): [number, number] => {
  const p = (i: number) => projection[i] ?? 0;
  return [(p(0) * x + p(8) * z) / -z, (p(5) * y + p(9) * z) / -z];
};

describe('rotations', () => {
  it('turns as the right hand does', () => {
    close(m.rotate(m.around('y', 90 * DEG), [0, 0, -1]), [-1, 0, 0]);
    close(m.rotate(m.around('x', 90 * DEG), [0, 0, -1]), [0, 1, 0]);
    close(m.rotate(m.around('z', 90 * DEG), [1, 0, 0]), [0, 1, 0]);
  });

  it('composes from right to left, and the conjugate undoes', () => {
    const q = m.multiply(m.around('y', 0.7), m.around('x', -0.3));
    close(m.rotate(q, [0.2, 0.3, -1]), m.rotate(m.around('y', 0.7), m.rotate(m.around('x', -0.3), [0.2, 0.3, -1])));
    close(m.multiply(q, m.conjugate(q)), m.IDENTITY);
  });

  it('finds where the head faces, whatever its nod and tilt', () => {
    const head = m.multiply(m.multiply(m.around('y', 2), m.around('x', 0.5)), m.around('z', -0.4));
    close(m.yawOf(head), m.around('y', 2));
  });
});

describe('frusta', () => {
  it.each([[LEFT], [RIGHT], [[1, 1, 1, 1] as Fov]])('come back from their projection matrix: %s', (fov) => {
    close(m.fovOf(m.projectionOf(fov)), fov, 1e-6);
  });

  it('put the edges of an asymmetric view at the edges of clip space', () => {
    const p = m.projectionOf(LEFT);
    close(clipOf(p, [-LEFT[0], 0, -1]), [-1, clipOf(p, [0, 0, -1])[1]], 1e-6);
    close(clipOf(p, [LEFT[1], LEFT[2], -1]), [1, 1], 1e-6);
  });

  it('of a canted eye, seen from the head, hold all that the eye sees', () => {
    const cant = m.around('y', 5 * DEG);
    const seen = m.headFov(cant, LEFT);
    for (const corner of [[-LEFT[0], LEFT[2], -1], [LEFT[1], -LEFT[3], -1]] as Vec3[]) {
      const uv = m.pictureUv(m.rotate(cant, corner), seen);
      expect(uv).not.toBeNull();
      for (const value of uv ?? []) expect(value).toBeGreaterThan(-1e-9), expect(value).toBeLessThan(1 + 1e-9);
    }
    close(m.headFov(m.IDENTITY, LEFT), LEFT);
  });
});

describe('re-projection', () => {
  const rendered = m.multiply(m.around('y', 0.4), m.around('x', 0.1));
  const now = m.multiply(m.multiply(m.around('y', 0.55), m.around('x', -0.02)), m.around('z', 0.05));
  const wide = LEFT.map((tan) => Math.tan(Math.atan(tan) + 12 * DEG)) as unknown as Fov;

  it('finds every world direction in the picture where the server drew it', () => {
    const projection = m.projectionOf(LEFT);
    for (let azimuth = -30; azimuth <= 10; azimuth += 5) {
      for (let elevation = -20; elevation <= 20; elevation += 5) {
        const [a, e] = [(azimuth + 31) * DEG, elevation * DEG];
        const world: Vec3 = [-Math.sin(a) * Math.cos(e), Math.sin(e), -Math.cos(a) * Math.cos(e)];
        const eye = m.rotate(m.conjugate(now), world);
        const direction = shaderDirection(clipOf(projection, eye), projection, m.turn(now, rendered));
        const drawn = m.pictureUv(m.rotate(m.conjugate(rendered), world), wide);
        const found = m.pictureUv(direction, wide);
        expect(found).not.toBeNull();
        close(found ?? [], drawn ?? [], 1e-6);
      }
    }
  });

  it('is the identity for the same head and the same frustum', () => {
    const projection = m.projectionOf(RIGHT);
    close(m.pictureUv(shaderDirection([-1, 1], projection, m.turn(now, now)), RIGHT) ?? [], [0, 0], 1e-6);
    close(m.pictureUv(shaderDirection([1, -1], projection, m.turn(now, now)), RIGHT) ?? [], [1, 1], 1e-6);
  });

  it('sees nothing behind the head', () => {
    expect(m.pictureUv([0, 0, 1], LEFT)).toBeNull();
  });

  it('keeps the whole view inside the overscan for a turn of 10°', () => {
    const projection = m.projectionOf(LEFT);
    const turned = m.turn(m.multiply(rendered, m.around('y', 10 * DEG)), rendered);
    for (const clip of [[-1, 0], [1, 0], [0, 0]] as [number, number][]) {
      const uv = m.pictureUv(shaderDirection(clip, projection, turned), wide);
      for (const value of uv ?? [NaN]) expect(value).toBeGreaterThan(0), expect(value).toBeLessThan(1);
    }
  });
});

describe('the view matrix and the phone', () => {
  it('puts a point ahead of the eye at the centre', () => {
    const clip = m.clipFromWorld(m.projectionOf([1, 1, 1, 1]), [1, 2, 3], m.around('y', Math.PI / 2));
    const point = [1 - 2, 2, 3, 1];
    const at = (row: number) => point.reduce((sum, value, column) => sum + (clip[4 * column + row] ?? 0) * value, 0);
    expect(at(0) / at(3)).toBeCloseTo(0, 5);
    expect(at(1) / at(3)).toBeCloseTo(0, 5);
    expect(at(3)).toBeCloseTo(2, 5);
  });

  it('looks at the horizon through a phone that is held upright', () => {
    close(m.rotate(m.orientationOfDevice(0, 90, 0, 0), [0, 0, -1]), [0, 0, -1]);
    close(m.rotate(m.orientationOfDevice(0, 90, 0, 0), [0, 1, 0]), [0, 1, 0]);
    close(m.rotate(m.orientationOfDevice(90, 90, 0, 0), [0, 0, -1]), [-1, 0, 0]);
    close(m.rotate(m.orientationOfDevice(0, 0, 0, 0), [0, 0, -1]), [0, -1, 0]);
  });
});
