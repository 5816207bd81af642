import type {
  Account, Command, GuideInfo, GuideMemory, GuideMode, OpenCondition, PastSession, Place, Plan, RoomState, ScreeningItem, StreamKind, Trigger,
} from './types'; // prettier-ignore

/** What the server answered instead of doing it. `status` 0: it was not reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly retryAfterS: number | null;

  constructor(message: string, status: number, retryAfterS: number | null = null) {
    super(message);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

async function ask<T>(path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined
        ? {}
        : {
            headers: { 'Content-Type': 'application/json', 'X-Stillwater': '1' },
            body: JSON.stringify(body),
          }),
    });
  } catch {
    throw new ApiError('the server cannot be reached', 0);
  }
  if (answer.ok) return (await answer.json()) as T;
  const said: unknown = await answer.json().catch(() => null);
  const text =
    typeof said === 'object' && said !== null && 'error' in said
      ? String(said.error)
      : `the server answered ${answer.status}`;
  throw new ApiError(text, answer.status, Number(answer.headers.get('Retry-After')) || null);
}

const roomPath = (room: string) => `/api/rooms/${encodeURIComponent(room)}`;

export interface StartRequest {
  plan_id: string;
  patient: string;
  scene: string | null;
  screening: { present: string[]; override_reason: string };
  options?: Record<string, string>;
  triggers?: string[];
  eye_height_m?: number;
  soften?: boolean;
  stream?: StreamKind;
  condition?: OpenCondition;
  yoked_to?: string | null;
  blind?: boolean;
  /** `null`: as is usual here. */
  guide?: { mode: GuideMode; approval: boolean; language: string } | null;
}

export const api = {
  account: () => ask<Account>('/api/account'),
  setUp: (setup_code: string, password: string) =>
    ask<unknown>('/api/account/setup', { setup_code, password }),
  signIn: (password: string) => ask<unknown>('/api/account/sign-in', { password }),
  signOut: () => ask<unknown>('/api/account/sign-out', {}),
  screening: () => ask<ScreeningItem[]>('/api/screening'),
  plans: () => ask<Plan[]>('/api/plans'),
  scenes: () => ask<Place[]>('/api/scenes'),
  triggers: () => ask<Trigger[]>('/api/triggers'),
  guide: () => ask<GuideInfo>('/api/guide'),
  rooms: () => ask<{ room: string; phase: string | null }[]>('/api/rooms'),
  sessions: () => ask<PastSession[]>('/api/sessions'),
  memory: (patient: string) => ask<GuideMemory>('/api/guide-memory/of', { patient }),
  keepMemory: (patient: string, consent: boolean, notes: string[]) =>
    ask<GuideMemory>('/api/guide-memory', { patient, consent, notes }),
  eraseMemory: (patient: string) => ask<GuideMemory>('/api/guide-memory/erase', { patient }),
  /** Keep a patient's pace at resonance: later sessions lead to it. */
  keepResonance: (patient: string, value: number, why: string) =>
    ask<unknown>('/api/figures', { patient, kind: 'resonance', value, why }),
  start: (room: string, request: StartRequest) =>
    ask<RoomState>(`${roomPath(room)}/session`, request),
  command: (room: string, command: Command) =>
    ask<{ phase: string }>(`${roomPath(room)}/commands`, command),
};
