/** The voice guide in plain words. */

import type { Guide, GuideLine, GuideMode } from './types';

export const GUIDE_MODES: Record<GuideMode, { title: string; means: string }> = {
  approved: { title: 'Approved lines', means: 'It chooses among lines that a clinician has approved.' },
  scripted: { title: 'Scripted', means: 'Fixed answers and exercises only; no language model.' },
  off: { title: 'Off', means: 'It neither listens nor speaks. You still can, below.' },
  free: { title: 'Free', means: 'It may find words of its own; each sentence is screened before it is said.' },
};

export const GUIDE_LANGUAGES: Record<string, string> = { en: 'English', de: 'Deutsch' };

export const MICROPHONE: Record<Guide['microphone'], string> = {
  unknown: 'no word of the microphone yet',
  on: 'microphone on',
  off: 'microphone off',
  denied: 'the patient refused the microphone',
  missing: 'the headset has no microphone',
};

export const WHO: Record<GuideLine['who'], string> = { patient: 'Patient', guide: 'Guide', therapist: 'You' };

const RISKS: Record<string, string> = {
  self_harm: 'may want to harm themselves',
  harm_to_others: 'may want to harm someone else',
  abuse: 'may be speaking of abuse',
  medical: 'may need medical help',
  panic: 'may be in panic',
  stop: 'wants to stop',
};

/** Words surer than this are shown as they are. */
const SURE = 0.6;
/** What a whisper can hold; the server refuses more. */
export const LONGEST_WORDS = 300;

export function riskWords(kind: string): string {
  return `The patient ${RISKS[kind] ?? 'may need you'}`;
}

/** What it is doing, in a word or two: a proposal that waits and a risk both wait for a human. */
export function guideState(guide: Guide): string {
  if (guide.risk !== null || guide.state === 'crisis' || guide.proposal !== null) return 'needs you';
  if (guide.state === 'idle') return 'quiet';
  return guide.state === 'held' ? 'held: silence was asked for' : guide.state;
}

export const unsure = (line: GuideLine): boolean => line.who === 'patient' && (line.confidence ?? 1) < SURE;

/** One line that the server takes: no control characters, no blanks around it. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim().slice(0, LONGEST_WORDS);
}

/** Lines with a key each that stays when older ones fall out. */
export function keyed(lines: GuideLine[]): { key: string; line: GuideLine }[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const name = `${line.at_s} ${line.who} ${line.text}`;
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return { key: `${name} ${count}`, line };
  });
}
