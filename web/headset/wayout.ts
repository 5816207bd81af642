/** The guided way out after a stop or at the end: short sentences, one after another, the last one stays. */

const EACH_MS = 8000;

export const AFTER_STOP: readonly string[] = [
  'You have stopped. Nothing more will happen here.',
  'Feel the chair under you, and your feet on the floor.',
  'Let your breath come and go as it likes.',
  'Listen for three sounds in the real room.',
  'When you are ready, take the headset off. Your therapist is there.',
];

export const AFTER_END: readonly string[] = [
  'This session is over. You did it in your own way.',
  'Feel the chair under you, and your feet on the floor.',
  'You can take the headset off now.',
];

/** Say the sentences one by one. */
export function sayOneByOne(sentences: readonly string[], say: (sentence: string) => void): void {
  const [now, ...later] = sentences;
  if (now === undefined) return;
  say(now);
  if (later.length > 0) setTimeout(() => sayOneByOne(later, say), EACH_MS);
}
