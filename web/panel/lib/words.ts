import type { OpenCondition, GuideDoing, GuideMode, GuideState, Said } from './types';

/** How numbers are said. Missing is said too: nothing is rounded into existence. */

export function number(value: number | null | undefined, decimals = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const text = value.toFixed(decimals);
  const plain = /^-0(\.0+)?$/.test(text) ? text.slice(1) : text;
  return plain.replace('-', '−');
}

export function signed(value: number, decimals = 2): string {
  const text = number(value, decimals);
  return /[1-9]/.test(text) && !text.startsWith('−') ? `+${text}` : text;
}

/** `192` → `03:12`; an hour and more → `1:03:12`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** `19.5` → `19:30`. */
export function timeOfDay(hours: number): string {
  const minutes = Math.round((((hours % 24) + 24) % 24) * 60) % 1440;
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

export function age(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return 'no age';
  if (seconds < 1) return 'under 1 s old';
  if (seconds < 100) return `${Math.floor(seconds)} s old`;
  return `${Math.floor(seconds / 60)} min old`;
}

export interface Quality {
  word: 'good' | 'fair' | 'poor' | 'none';
  /** Filled dots of four. */
  dots: number;
}

export function quality(value: number | null | undefined): Quality {
  if (value === null || value === undefined || !(value > 0)) return { word: 'none', dots: 0 };
  const dots = Math.max(1, Math.min(4, Math.round(value * 4)));
  if (value >= 0.75) return { word: 'good', dots };
  if (value >= 0.45) return { word: 'fair', dots };
  return { word: 'poor', dots };
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(0)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

const CONTROLS: Record<string, { label: string; show: (v: number) => string }> = {
  light: { label: 'Light', show: percent },
  colour_temperature_k: { label: 'Light colour', show: (v) => `${number(v)} K` },
  weather: { label: 'Weather', show: percent },
  density: { label: 'Mist', show: percent },
  time_of_day_h: { label: 'Time of day', show: timeOfDay },
  swell: { label: 'Breath swell', show: percent },
  tempo_bpm: { label: 'Tempo', show: (v) => `${number(v, 1)} bpm` },
  notes_per_s: { label: 'Notes', show: (v) => `${number(v, 2)} /s` },
  brightness: { label: 'Brightness of sound', show: percent },
  tension: { label: 'Harmonic tension', show: percent },
  register: { label: 'Register', show: (v) => `note ${number(v)}` },
  pulse: { label: 'Pulse', show: percent },
  music_lufs: { label: 'Loudness', show: (v) => `${number(v, 1)} LUFS` },
  ocean: { label: 'Ocean', show: percent },
  wind: { label: 'Wind', show: percent },
  rain: { label: 'Rain', show: percent },
  fire: { label: 'Fire', show: percent },
  birds: { label: 'Birds', show: percent },
  breath_pace_per_min: { label: 'Breath pace', show: (v) => `${number(v, 1)} /min` },
  inhale_fraction: { label: 'Inhale share', show: percent },
  mode: { label: 'Scale', show: String },
};

export function percent(value: number): string {
  return `${number(value * 100)} %`;
}

export function controlLabel(name: string): string {
  return CONTROLS[name]?.label ?? name.replaceAll('_', ' ');
}

export function controlValue(name: string, value: number | string | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string') return value.replaceAll('_', ' ');
  return CONTROLS[name]?.show(value) ?? number(value, 2);
}

/** The controls that the panel lists, in order; the pacer's phase moves too fast to be read. */
export const LISTED_CONTROLS: readonly string[] = Object.keys(CONTROLS);

const PHASES: Record<string, string> = {
  READY: 'Ready',
  RUNNING: 'Running',
  PAUSED: 'Paused',
  RETURNING: 'Returning',
  ENDED: 'Ended',
  STOPPED: 'Stopped',
};

export function phaseWord(phase: string | null): string {
  return phase === null ? 'No session' : (PHASES[phase] ?? phase);
}

/** How freely the guide may speak, in plain words, from the strictest to the freest. */
export const GUIDE_MODES: readonly { name: GuideMode; title: string; help: string }[] = [
  { name: 'off', title: 'Off', help: 'It neither listens nor speaks; your own words it says all the same.' },
  { name: 'scripted', title: 'Scripted', help: 'Approved lines only, found by rules. No language model is asked.' },
  { name: 'approved', title: 'Approved lines', help: 'A language model chooses among the lines in the clinic’s files; it invents no words.' },
  { name: 'free', title: 'Free', help: 'A language model speaks in its own words; each sentence is screened before it is heard.' },
];

/** Whether the guide may say more in `mode` than in `most`. */
export function freer(mode: GuideMode, most: GuideMode): boolean {
  const rank = (name: GuideMode) => GUIDE_MODES.findIndex((each) => each.name === name);
  return rank(mode) > rank(most);
}

/** Why modes are missing from a list: who allows no more, the clinic (`allowed`) or the plan (`most`); empty if none is. */
export function guideLimit(allowed: readonly GuideMode[], most: GuideMode): string {
  const clinic = GUIDE_MODES.findLast((each) => allowed.includes(each.name));
  const plan = GUIDE_MODES.find((each) => each.name === most);
  if (clinic === undefined || plan === undefined) return '';
  if (freer(clinic.name, most)) return `This plan allows no more than “${plan.title}”.`;
  return freer('free', clinic.name) ? `The clinic allows no more than “${clinic.title}”.` : '';
}

/** What a study compares; `YOKED` needs an earlier session. */
export const CONDITIONS: readonly { name: OpenCondition | 'YOKED'; title: string; help: string }[] = [
  { name: 'CONTINGENT', title: 'as usual: the place follows the body', help: '' },
  { name: 'YOKED', title: 'yoked: the place follows an earlier session', help: 'It does what it did then, whatever this body does.' },
  { name: 'PACED_ONLY', title: 'paced only: the pacer leads, the body is not heard', help: 'Signals are recorded and steer nothing.' },
  { name: 'OFF', title: 'off: the place alone, without a pacer', help: 'Signals are recorded and steer nothing.' },
];

/** How clearly an assessment found its pace; `clarity` is the share of the heart's rhythm that went with the breath. */
export function clearly(clarity: number): string {
  if (clarity >= 0.6) return 'clear';
  return clarity >= 0.35 ? 'fairly clear' : 'unclear: better assess again on another day';
}

const DOES: Record<GuideDoing, string> = {
  off: 'off',
  idle: 'waiting',
  listening: 'listening',
  thinking: 'thinking',
  speaking: 'speaking',
  held: 'keeping quiet',
  crisis: 'safety lines only',
};

export function guideDoes(state: GuideDoing): string {
  return DOES[state];
}

const MICROPHONE: Record<string, string> = {
  on: 'microphone on',
  off: 'microphone off',
  denied: 'microphone refused by the patient',
  missing: 'the headset has no microphone',
};

export function microphoneWord(state: string): string {
  return MICROPHONE[state] ?? 'microphone not known yet';
}

export function languageName(tag: string): string {
  return new Intl.DisplayNames(['en'], { type: 'language' }).of(tag) ?? tag;
}

/** What it does, and before that: whether a proposal or a risk waits for a human. */
export function guideSays(guide: GuideState): string {
  return guide.proposal === null || guide.risk !== null ? guideDoes(guide.state) : 'needs you';
}

/** One line that the server takes as the guide's words: no control characters, no blanks around it. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** Turns of the talk with a key each that stays when older ones fall out: only new ones are read aloud. */
export function keyed(talk: readonly Said[]): { key: string; said: Said }[] {
  const seen = new Map<string, number>();
  return talk.map((said) => {
    const name = `${said.at_s} ${said.who}`;
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return { key: `${name} ${count}`, said };
  });
}

/** Whose words they are: the guide says the therapist's too. */
export function speaker(said: Said): string {
  if (said.who === 'patient') return 'Patient';
  if (said.who === 'therapist') return 'You, by the guide';
  return said.source === 'risk' ? 'Guide, safety line' : said.source === 'model' ? 'Guide, model' : 'Guide';
}

const RISKS: Record<string, string> = {
  self_harm: 'Self-harm',
  harm_to_others: 'Harm to others',
  abuse: 'Abuse',
  medical: 'Medical emergency',
  panic: 'Panic',
  stop: 'Wants to stop',
};

export function riskWord(kind: string): string {
  return RISKS[kind] ?? 'Risk';
}
