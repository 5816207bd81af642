import type { IsoPath, RoomState } from './types';

export const SERIES = [
  'heart_rate',
  'rmssd',
  'breath_rate',
  'pace',
  'arousal',
  'light',
  'weather',
  'density',
] as const;
export type Series = (typeof SERIES)[number];

/** Below this confidence an arousal is not drawn: the room itself holds on it. */
export const AROUSAL_KNOWN = 0.2;

function control(state: RoomState, name: string): number | null {
  const value = state.controls[name];
  return typeof value === 'number' ? value : null;
}

function read(state: RoomState, series: Series): number | null {
  switch (series) {
    case 'heart_rate':
    case 'rmssd':
    case 'breath_rate':
      return state.vitals[series]?.value ?? null;
    case 'pace':
      return control(state, 'breath_pace_per_min');
    case 'arousal':
      return state.arousal.confidence >= AROUSAL_KNOWN ? state.arousal.value : null;
    case 'light':
    case 'weather':
    case 'density':
      return control(state, series);
  }
}

/** The last minutes, one point a second of session time. A gap stays a gap (`null`). */
export class History {
  readonly keepS: number;
  readonly atS: number[] = [];
  readonly values: Record<Series, (number | null)[]>;

  constructor(keepS = 300) {
    this.keepS = keepS;
    this.values = Object.fromEntries(SERIES.map((s) => [s, []])) as unknown as Record<
      Series,
      (number | null)[]
    >;
  }

  /** Take a state; true if it made a new point. */
  push(state: RoomState): boolean {
    const last = this.atS.at(-1);
    if (last !== undefined && state.at_s < last) this.clear(); // another clock: the server is a new one
    else if (last !== undefined && state.at_s - last < 1) return false;
    if (last !== undefined && state.at_s - last > 3) this.append(last + 1, () => null);
    this.append(state.at_s, (series) => read(state, series));
    while (this.atS.length > 1 && (this.atS[0] ?? 0) < state.at_s - this.keepS) {
      this.atS.shift();
      for (const series of SERIES) this.values[series].shift();
    }
    return true;
  }

  clear(): void {
    this.atS.length = 0;
    for (const series of SERIES) this.values[series].length = 0;
  }

  /** Times before the newest point, s: …, −2, −1, 0. */
  ages(): number[] {
    const last = this.atS.at(-1) ?? 0;
    return this.atS.map((at) => at - last);
  }

  private append(atS: number, value: (series: Series) => number | null): void {
    this.atS.push(atS);
    for (const series of SERIES) this.values[series].push(value(series));
  }
}

export interface Range {
  now: number | null;
  low: number | null;
  high: number | null;
}

export function rangeOf(values: readonly (number | null)[]): Range {
  const known = values.filter((v): v is number => v !== null);
  if (known.length === 0) return { now: null, low: null, high: null };
  return {
    now: values.at(-1) ?? null,
    low: known.reduce((a, b) => Math.min(a, b)),
    high: known.reduce((a, b) => Math.max(a, b)),
  };
}

/** Points of an SVG polyline in a box, one list for each unbroken run. */
export function sparkline(
  values: readonly (number | null)[],
  width: number,
  height: number,
): string[] {
  const { low, high } = rangeOf(values);
  if (low === null || high === null || values.length < 2) return [];
  const span = Math.max(high - low, 1e-9);
  const runs: string[] = [];
  let run: string[] = [];
  values.forEach((value, i) => {
    if (value === null) {
      if (run.length > 1) runs.push(run.join(' '));
      run = [];
      return;
    }
    const x = (i / (values.length - 1)) * width;
    const y = high === low ? height / 2 : height - ((value - low) / span) * height;
    run.push(`${x.toFixed(1)},${y.toFixed(1)}`);
  });
  if (run.length > 1) runs.push(run.join(' '));
  return runs;
}

/** The stage's path in a box whose height is arousal from −1 (below) to 1, and where it is now. */
export function pathLine(
  path: IsoPath,
  width: number,
  height: number,
): { points: string; now: { x: number; y: number } } | null {
  const first = path.points[0];
  const last = path.points.at(-1);
  if (first === undefined || last === undefined || last.at_s <= first.at_s) return null;
  const place = (atS: number, arousal: number) => ({
    x: (Math.min(Math.max((atS - first.at_s) / (last.at_s - first.at_s), 0), 1)) * width,
    y: ((1 - arousal) / 2) * height,
  });
  const points = path.points.map(({ at_s, arousal }) => {
    const { x, y } = place(at_s, arousal);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return { points: points.join(' '), now: place(path.now.at_s, path.now.arousal) };
}
