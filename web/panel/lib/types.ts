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

/** How the world of a session answers the body; a yoked one does what another session's did. */
export type OpenCondition = 'CONTINGENT' | 'PACED_ONLY' | 'OFF';

export type AssessmentKind = 'stepped' | 'sliding';

/** A resonance assessment: paces one after another, and what the heart did at each. */
export interface Assessment {
  kind: AssessmentKind;
  running: boolean;
  step: number;
  steps: number;
  /** The pacer has arrived and the step's time runs. */
  settled: boolean;
  left_s: number;
  measured: { per_min: number; rsa_bpm: number | null; share: number | null; breaths: number }[];
  found: { per_min: number; clarity: number; why: string } | null;
  /** Why it was broken off or found nothing; empty otherwise. */
  ended: string;
}

export interface RoomState {
  type: 'state';
  at_s: number;
  room: string;
  phase: Phase | null;
  condition: string | null;
  plan: { plan_id: string; title: string; duration_s: number; guide: GuideMode } | null;
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
  /** `null` without a voice guide. */
  guide?: GuideState | null;
  /** The session's resonance assessment, `null` where there was none. */
  assessment?: Assessment | null;
}

/** From the strictest to the freest. */
export type GuideMode = 'off' | 'scripted' | 'approved' | 'free';

/** What guide sessions here may have (GET /api/guide). */
export interface GuideInfo {
  on: boolean;
  modes: GuideMode[];
  usual: GuideMode | null;
  languages: string[];
  /** Languages in which danger is found by rules alone. */
  rules_only?: string[];
}

export interface Said {
  who: 'patient' | 'guide' | 'therapist';
  text: string;
  at_s: number;
  source?: string | null;
  confidence?: number | null;
  interrupted?: boolean;
}

export interface GuideProposal {
  turn: number;
  text: string;
  /** Empty for words of a model. */
  line_id: string;
  actions: string[];
  reason: string;
  backend: string;
  until_s: number;
}

export interface GuideRisk {
  level: 'none' | 'watch' | 'urgent';
  kind: string;
  evidence: string[];
  at_s: number;
  words: string;
  acknowledged?: boolean;
}

export type GuideDoing = 'off' | 'idle' | 'listening' | 'thinking' | 'speaking' | 'held' | 'crisis';

export interface GuideState {
  /** How free it is now, which is less than wanted where something is missing. */
  mode: GuideMode;
  wanted_mode: GuideMode;
  approval: boolean;
  missing: string[];
  state: GuideDoing;
  language: string;
  transcript: Said[];
  partial: string;
  proposal: GuideProposal | null;
  risk: GuideRisk | null;
  ratings: { scale: 'suds' | 'mood'; value: number; at_s: number }[];
  microphone: string;
}

export interface Plan {
  plan_id: string;
  title: string;
  /** How freely the voice guide may speak in it at most. */
  guide: GuideMode;
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

/** What the guide may remember of a patient; `proposed` is not used before a therapist takes it over. */
export interface GuideMemory {
  consent: boolean;
  consent_utc_s: number | null;
  met_before: boolean;
  notes: string[];
  proposed: string[];
  accesses: { at_utc_s: number; actor: string; what: string }[];
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
  'begin' | 'pause' | 'resume' | 'return' | 'stop' | 'steer' | 'new_code' | 'acknowledge' | 'unwell' | 'place'
  | 'guide_mode' | 'whisper' | 'proposal' | 'release' | 'assess' | 'assess_stop';

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
  kind?: AssessmentKind;
}
