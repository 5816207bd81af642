import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { LONGEST_WAIT_MS, Link, type LinkStatus, SILENCE_MS, waitBefore } from './link';
import type { RoomState } from './types';

/** A socket whose other end is the test. */
class Wire extends EventTarget {
  binaryType = '';
  readyState = 0;
  sent: string[] = [];

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }

  says(data: unknown): void {
    this.readyState = 1;
    const message = typeof data === 'string' || data instanceof ArrayBuffer ? data : JSON.stringify(data);
    this.dispatchEvent(new MessageEvent('message', { data: message }));
  }

  breaks(code: number): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code }));
  }
}

function linked() {
  const wires: Wire[] = [];
  const statuses: LinkStatus[] = [];
  const states: RoomState[] = [];
  const pictures: ArrayBuffer[] = [];
  const refusals: string[] = [];
  const link = new Link(
    'ws://clinic/ws/panel/1',
    {
      status: (status) => statuses.push(status),
      state: (state) => states.push(state),
      picture: (jpeg) => pictures.push(jpeg),
      refused: (what) => refusals.push(what),
    },
    () => {
      const wire = new Wire();
      wires.push(wire);
      return wire as unknown as WebSocket;
    },
  );
  link.open();
  const newest = (): Wire => {
    const wire = wires.at(-1);
    if (wire === undefined) throw new Error('no socket was opened');
    return wire;
  };
  return { link, wires, statuses, states, pictures, refusals, newest };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('states, pictures and refusals go where they belong', () => {
  const { newest, states, pictures, refusals, statuses } = linked();
  newest().says({ type: 'state', at_s: 1 });
  newest().says(new ArrayBuffer(3));
  newest().says({ type: 'error', what: 'not now' });
  expect(states).toHaveLength(1);
  expect(pictures[0]?.byteLength).toBe(3);
  expect(refusals).toEqual(['not now']);
  expect(statuses).toEqual([{ kind: 'connecting' }, { kind: 'open' }]);
});

test('a lost link is opened again, sooner at first, never later than three seconds', () => {
  const { newest, wires, statuses } = linked();
  for (let lost = 0; lost < 8; lost += 1) {
    newest().breaks(1006);
    const status = statuses.at(-1);
    expect(status).toEqual({ kind: 'lost', retryInMs: waitBefore(lost) });
    vi.advanceTimersByTime(waitBefore(lost));
    expect(wires).toHaveLength(lost + 2);
  }
  expect(waitBefore(0)).toBe(250);
  expect(waitBefore(99)).toBe(LONGEST_WAIT_MS);
  expect(LONGEST_WAIT_MS).toBeLessThan(3000);
});

test('after a state the waiting starts from the beginning', () => {
  const { newest, statuses } = linked();
  for (let i = 0; i < 4; i += 1) {
    newest().breaks(1006);
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
  }
  newest().says({ type: 'state' });
  newest().breaks(1012);
  expect(statuses.at(-1)).toEqual({ kind: 'lost', retryInMs: 250 });
});

test('a socket that says nothing is given up', () => {
  const { newest, statuses, wires } = linked();
  newest().says({ type: 'state' });
  const silent = newest();
  vi.advanceTimersByTime(SILENCE_MS + 1);
  expect(statuses.at(-1)?.kind).toBe('lost');
  expect(silent.readyState).toBe(3);
  vi.advanceTimersByTime(LONGEST_WAIT_MS);
  expect(wires).toHaveLength(2);
});

test('signed out and no such room end it: no more tries', () => {
  for (const [code, kind] of [[4401, 'signed-out'], [4404, 'no-room']] as const) {
    const { newest, wires, statuses } = linked();
    newest().breaks(code);
    vi.advanceTimersByTime(60_000);
    expect(statuses.at(-1)).toEqual({ kind });
    expect(wires).toHaveLength(1);
  }
});

test('what an old socket still says is not heard', () => {
  const { link, newest, states, wires } = linked();
  const old = newest();
  link.open();
  old.says({ type: 'state' });
  old.breaks(1006);
  vi.advanceTimersByTime(1000);
  expect(states).toHaveLength(0);
  expect(wires).toHaveLength(2);
});

test('a command needs an open socket', () => {
  const { link, newest } = linked();
  expect(link.send({ command: 'stop' })).toBe(false);
  newest().says({ type: 'state' });
  expect(link.send({ command: 'stop' })).toBe(true);
  expect(JSON.parse(newest().sent[0] ?? '')).toEqual({ type: 'command', command: 'stop' });
});

test('a closed link stays closed', () => {
  const { link, newest, wires } = linked();
  newest().breaks(1006);
  link.close();
  vi.advanceTimersByTime(60_000);
  expect(wires).toHaveLength(1);
});
