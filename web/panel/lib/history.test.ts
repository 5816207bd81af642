import { expect, test } from 'vitest';

import { History, pathLine, rangeOf, sparkline } from './history';
import type { RoomState } from './types';

function state(atS: number, heart: number | null, confidence = 0.9): RoomState {
  return {
    at_s: atS,
    vitals: { heart_rate: { value: heart, unit: 'bpm', quality: 1, age_s: 0, window_s: 10, reason: '' } },
    controls: { breath_pace_per_min: 6, light: 0.5, mode: 'dorian' },
    arousal: { value: 0.4, confidence },
  } as unknown as RoomState;
}

test('ten states a second make one point a second', () => {
  const history = new History();
  const points = Array.from({ length: 51 }, (_, i) => history.push(state(100 + i / 10, 70))).filter(Boolean);
  expect(points).toHaveLength(6);
  expect(history.ages().at(0)).toBeCloseTo(-5);
  expect(history.ages().at(-1)).toBe(0);
});

test('a gap is drawn as a gap', () => {
  const history = new History();
  history.push(state(0, 70));
  history.push(state(20, 72));
  expect(history.values.heart_rate).toEqual([70, null, 72]);
});

test('only the last minutes are kept, and all series stay as long as the times', () => {
  const history = new History(60);
  for (let at = 0; at < 500; at += 1) history.push(state(at, 70));
  expect(history.atS.length).toBe(61);
  for (const values of Object.values(history.values)) expect(values.length).toBe(61);
});

test('a clock that went back begins a new history', () => {
  const history = new History();
  history.push(state(1000, 70));
  expect(history.push(state(3, 80))).toBe(true);
  expect(history.values.heart_rate).toEqual([80]);
});

test('an arousal without confidence is not drawn', () => {
  const history = new History();
  history.push(state(0, 70, 0.05));
  history.push(state(1, 70, 0.8));
  expect(history.values.arousal).toEqual([null, 0.4]);
});

test('a range knows only what was measured', () => {
  expect(rangeOf([null, null])).toEqual({ now: null, low: null, high: null });
  expect(rangeOf([60, 80, null])).toEqual({ now: null, low: 60, high: 80 });
});

test('a sparkline breaks at gaps and stays in its box', () => {
  const runs = sparkline([1, 2, null, 4, 3], 100, 20);
  expect(runs).toEqual(['0.0,20.0 25.0,13.3', '75.0,0.0 100.0,6.7']);
  expect(sparkline([5, 5], 100, 20)).toEqual(['0.0,10.0 100.0,10.0']);
  expect(sparkline([null, 1], 100, 20)).toEqual([]);
});

test('a path is drawn from its first point to its last, and now lies on it', () => {
  const points = [
    { at_s: 10, arousal: 1 },
    { at_s: 20, arousal: 0 },
    { at_s: 30, arousal: -1 },
  ];
  const line = pathLine({ points, now: { at_s: 20, arousal: 0 } }, 100, 20);
  expect(line).toEqual({ points: '0.0,0.0 50.0,10.0 100.0,20.0', now: { x: 50, y: 10 } });
  expect(pathLine({ points: [], now: { at_s: 0, arousal: 0 } }, 100, 20)).toBeNull();
});
