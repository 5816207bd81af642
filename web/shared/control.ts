/** The text half of the control socket: JSON objects with a `type`. Layout: `vr_world/streaming/control.py`. */

import { BadMessage } from './protocol';

export const PHASES = ['READY', 'RUNNING', 'PAUSED', 'RETURNING', 'ENDED', 'STOPPED'] as const;
export type Phase = (typeof PHASES)[number];
/** What became of the microphone: sending, muted or not wanted, refused, or none there. */
export type MicState = 'on' | 'off' | 'denied' | 'missing';
export type StopSource = 'button' | 'key' | 'controller' | 'gaze' | 'page';

export type ServerText =
  | { readonly type: 'welcome'; readonly headset: string; readonly phase: Phase | null }
  | { readonly type: 'pong'; readonly id: number; readonly clientMs: number; readonly serverS: number }
  | { readonly type: 'phase'; readonly phase: Phase; readonly stage: string }
  | { readonly type: 'caption'; readonly text: string; readonly forS: number; readonly utterance: number; readonly language: string }
  /** The words at letter `at` of an utterance's caption sound `ms` after its beginning. */
  | { readonly type: 'cue'; readonly utterance: number; readonly at: number; readonly ms: number }
  | { readonly type: 'hush'; readonly utterance: number; readonly fadeS: number }
  | { readonly type: 'soften'; readonly on: boolean }
  | { readonly type: 'listen'; readonly on: boolean }
  | { readonly type: 'safe'; readonly on: boolean; readonly fadeS: number }
  | { readonly type: 'error'; readonly what: string };

export interface Stats {
  readonly fps: number | null;
  readonly frame_age_ms_p50: number | null;
  readonly audio_buffer_ms: number | null;
  readonly underruns: number | null;
  readonly visible: boolean;
}

/** Parse one text of the server. Throws `BadMessage`. */
export function parseServerText(text: string): ServerText {
  const fields = asObject(text);
  switch (fields['type']) {
    case 'welcome': {
      const session = fields['session'];
      const phase = isObject(session) ? session['phase'] : null;
      return { type: 'welcome', headset: string(fields, 'headset'), phase: isPhase(phase) ? phase : null };
    }
    case 'pong':
      return {
        type: 'pong',
        id: number(fields, 'id'),
        clientMs: number(fields, 'client_ms'),
        serverS: number(fields, 'server_s'),
      };
    case 'phase': {
      const phase = fields['phase'];
      if (!isPhase(phase)) throw new BadMessage(`phase must be one of ${PHASES.join(', ')}, got ${String(phase)}`);
      return { type: 'phase', phase, stage: typeof fields['stage'] === 'string' ? fields['stage'] : '' };
    }
    case 'caption':
      return {
        type: 'caption',
        text: string(fields, 'text'),
        forS: clamp(number(fields, 'for_s'), 0, 60),
        utterance: utterance(fields),
        language: typeof fields['language'] === 'string' ? fields['language'] : 'en',
      };
    case 'cue':
      return { type: 'cue', utterance: utterance(fields), at: number(fields, 'at'), ms: number(fields, 'ms') };
    case 'hush':
      return { type: 'hush', utterance: utterance(fields), fadeS: clamp(number(fields, 'fade_s'), 0, 1) };
    case 'soften':
    case 'listen':
      return { type: fields['type'], on: boolean(fields, 'on') };
    case 'safe':
      return { type: 'safe', on: boolean(fields, 'on'), fadeS: clamp(number(fields, 'fade_s'), 0, 10) };
    case 'error':
      return { type: 'error', what: string(fields, 'what') };
    default:
      throw new BadMessage(`type must be a server message's, got ${String(fields['type'])}`);
  }
}

function asObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadMessage(`control text must be JSON, got ${text.length} other characters`, { cause: error });
  }
  if (!isObject(value)) throw new BadMessage('control text must be a JSON object, got another value');
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPhase(value: unknown): value is Phase {
  return PHASES.some((phase) => phase === value);
}

function string(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new BadMessage(`${name} must be text, got ${typeof value}`);
  return value;
}

function number(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new BadMessage(`${name} must be a finite number, got ${String(value)}`);
  }
  return value;
}

function boolean(fields: Record<string, unknown>, name: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw new BadMessage(`${name} must be true or false, got ${String(value)}`);
  return value;
}

/** Which utterance it is about; 0, or without the field: none, or all. */
function utterance(fields: Record<string, unknown>): number {
  return fields['utterance'] === undefined ? 0 : number(fields, 'utterance');
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
