/** The panel's wire, as `clinic/messages.py` documents it in /api/openapi.json. */

export type Phase = 'READY' | 'RUNNING' | 'PAUSED' | 'RETURNING' | 'ENDED' | 'STOPPED';

export interface Vital {
  value: number | null;
  unit: string;
  quality: number;
  age_s: number | null;
  window_s: number;
  reason: string;
}

export interface Why {
  at_s: number;
  control: string;
  was: number | string | null;
  now: number | string | null;
  because: string;
  confidence: number;
}

export interface Stream {
  name: string;
  kind: string;
  rate_hz: number;
  quality: number | null;
  alive: boolean;
  age_s: number | null;
}

/** Stereo for one headset, or one panorama for a group. */
export type StreamKind = 'view' | 'panorama';

export interface Alarm {
  id: number;
  at_s: number;
  level: 'watch' | 'urgent';
  what: string;
  acknowledged: boolean;
}

export interface Process {
  name: string;
  alive: boolean;
  restarts: number;
  detail: string;
}

export const WISHES = [
  'arousal',
  'music_lufs',
  'breath_pace_per_min',
  'time_of_day_h',
  'light',
] as const;
export type Wish = (typeof WISHES)[number];

export interface Join {
  code: string;
  expires_in_s: number;
  /** Where a headset reaches the server; without it, the page's own address is shown. */
  address?: string;
}

export interface IsoPoint {
  at_s: number;
  arousal: number;
}

/** How the world leads through the stage: from where it met the patient to the aim. */
export interface IsoPath {
  points: IsoPoint[];
  now: IsoPoint;
}

export interface RoomState {
  type: 'state';
  at_s: number;
  room: string;
  phase: Phase | null;
  condition: string | null;
  plan: { plan_id: string; title: string; duration_s: number } | null;
  patient: string;
  elapsed_s: number;
  stage: {
    name: string;
    kind: string;
    index: number;
    elapsed_s: number;
    duration_s: number;
  } | null;
  /** Name of the place (GET /api/scenes). */
  scene?: string | null;
  vitals: Record<string, Vital>;
  arousal: { value: number; confidence: number };
  iso_path?: IsoPath | null;
  coherence: number | null;
  breath_phase: number | null;
  pacer_phase: number | null;
  controls: Record<string, number | string>;
  wishes: Partial<Record<Wish, number | null>>;
  why: Why[];
  streams: Stream[];
  headset: {
    connected: boolean;
    fps?: number | null;
    frame_age_ms?: number | null;
    rtt_ms?: number | null;
  };
  /** The connected headsets, the first that came first; several only in a group. */
  headsets?: { name: string; fps?: number | null; frame_age_ms?: number | null; rtt_ms?: number | null }[];
  stream?: StreamKind;
  processes: Process[];
  recording: { on: boolean; bytes: number; path: string };
  /** Shares of a week's allowance of sound; `level_dba` is an estimate at the ear. */
  sound?: { level_dba: number | null; session: number; week: number; eased: boolean } | null;
  join: Join | null;
  alarms: Alarm[];
  /** `null` without a guide. */
  guide?: Guide | null;
}

/** From the usual to the freest. */
export type GuideMode = 'approved' | 'scripted' | 'off' | 'free';

/** How the guide may be on this server, the usual mode first. */
export interface GuideOffer {
  on: boolean;
  modes: GuideMode[];
  languages: string[];
}

export interface GuideLine {
  who: 'patient' | 'guide' | 'therapist';
  text: string;
  at_s: number;
  /** How sure the words are; not given for the guide's own. */
  confidence?: number;
  interrupted?: boolean;
}

export interface GuideProposal {
  turn: number;
  text: string;
  actions: string[];
  reason: string;
  until_s: number;
}

export interface GuideRisk {
  level: 'watch' | 'urgent';
  kind: string;
  evidence: string[];
  at_s: number;
  words: string;
  acknowledged: boolean;
}

/** What the voice guide does now; `mode` is in force, `wanted_mode` was chosen. */
export interface Guide {
  mode: GuideMode;
  wanted_mode: GuideMode;
  approval: boolean;
  missing: string[];
  state: 'idle' | 'listening' | 'thinking' | 'speaking' | 'held' | 'crisis' | 'off';
  language: string;
  transcript: GuideLine[];
  partial: string;
  proposal: GuideProposal | null;
  risk: GuideRisk | null;
  ratings: { scale: string; value: number; at_s: number }[];
  microphone: 'unknown' | 'on' | 'off' | 'denied' | 'missing';
}

export interface Plan {
  plan_id: string;
  title: string;
  stages: { name: string; kind: string; duration_s: number }[];
}

/** A place that a session may go to. */
export interface Place {
  name: string;
  title: string;
  description: string;
  contains: string[];
  options: PlaceOption[];
}

export interface PlaceOption {
  name: string;
  title: string;
  /** The first choice is the usual one. */
  choices: { name: string; title: string; contains: string[] }[];
}

export interface Trigger {
  name: string;
  title: string;
}

export interface ScreeningItem {
  id: string;
  text: string;
}

export interface PastSession {
  session_id: string;
  room: string;
  patient: string;
  plan_id: string;
  folder: string;
  started_utc_s: number;
  ended_utc_s: number | null;
  outcome: string;
}

export interface Account {
  set_up: boolean;
  signed_in: boolean;
  idle_s: number;
}

export type CommandName =
  | 'begin' | 'pause' | 'resume' | 'return' | 'stop' | 'steer' | 'new_code' | 'acknowledge' | 'unwell' | 'place'
  | 'guide_mode' | 'whisper' | 'proposal' | 'release';

export interface Command {
  command: CommandName;
  steer?: Partial<Record<Wish, number | null>>;
  alarm?: number;
  level?: number;
  scene?: string;
  mode?: GuideMode;
  approval?: boolean;
  text?: string;
  turn?: number;
  decision?: 'speak' | 'edit' | 'drop';
}
