/**
 * Words in step with the voice: a sentence, or a part of one, at a time, never more than two lines. The server tells
 * where in the text the sound is; without that, and for words without sound, calm reading tells. Pure: what came, what
 * was heard and the time in, words out.
 */

/** What fits on two lines of the pane in VR. */
export const MOST_LETTERS = 60;
/** A sentence so short goes together with the next one, if both fit. */
const SHORT_LETTERS = 16;
/** Calm speech and calm reading, as the server counts them too. */
const LETTERS_PER_S = 12;
/** Sound may be shut, or the packets late: words that nobody hears are still to be read. */
const LATEST_MS = 2500;
/** It is told how much was heard every 200 ms; a sound that has stopped is not followed further than this. */
const AHEAD_MS = 400;
/** Words stay so long after their sound. */
const STAY_S = 1.5;
/** The next part takes the place of one long before this; it is for a voice that has stopped. */
const MOST_S = 12;
const KEEP = 16;

export interface Part {
  readonly text: string;
  /** Where it begins in the whole text. */
  readonly at: number;
}

interface Held {
  readonly utterance: number;
  readonly parts: readonly Part[];
  readonly latestMs: number;
  readonly cues: { readonly at: number; readonly ms: number }[];
  /** How much was heard, or read, and when that was so. */
  heard: { readonly ms: number; readonly nowMs: number; readonly silent: boolean } | null;
  shown: number;
}

export class Captions {
  #held: Held[] = [];

  constructor(private readonly show: (text: string, forS: number) => void) {}

  /** Words; with an utterance (not 0) they wait for its sound. */
  add(text: string, utterance: number, nowMs: number): void {
    const held: Held = { utterance, parts: partsOf(text), latestMs: nowMs + LATEST_MS, cues: [], heard: null, shown: -1 };
    if (utterance === 0) this.#begin(held, nowMs, true);
    else this.#held = [...this.#held, held].slice(-KEEP);
    this.step(nowMs, true);
  }

  /** The words at `at` of an utterance's text sound `ms` after its beginning. */
  cue(utterance: number, at: number, ms: number): void {
    this.#of(utterance)?.cues.push({ at, ms });
  }

  /** So much of an utterance was heard; one that ended unheard needs no words. */
  played(utterance: number, ms: number, done: boolean, nowMs: number): void {
    const held = this.#of(utterance);
    if (held === undefined) return;
    if (done && ms === 0) {
      this.drop(utterance);
      return;
    }
    if (held.heard === null || held.heard.silent) this.#begin(held, nowMs, false);
    held.heard = { ms, nowMs, silent: false };
    this.step(nowMs, true);
    if (!done) return;
    const last = held.parts[held.cues.length === 0 ? held.parts.length - 1 : held.shown];
    if (last !== undefined) this.show(last.text, STAY_S);
    this.drop(utterance);
  }

  /** Show what is due. A long utterance before it is a good reason to wait, silence is none. */
  step(nowMs: number, speaking: boolean): void {
    if (!speaking) {
      const late = this.#held.find((held) => held.heard === null && held.latestMs <= nowMs);
      if (late !== undefined && this.#held.every(({ heard }) => heard === null)) this.#begin(late, nowMs, true);
    }
    for (const held of [...this.#held]) this.#showDue(held, nowMs);
  }

  /** Forget the words of an utterance that is not to be heard; 0: of all. */
  drop(utterance: number): void {
    this.#held = this.#held.filter((held) => utterance !== 0 && held.utterance !== utterance);
  }

  /** Others that were being shown have had their time. */
  #begin(held: Held, nowMs: number, silent: boolean): void {
    this.#held = this.#held.filter((other) => other === held || other.heard === null);
    if (!this.#held.includes(held)) this.#held.push(held);
    held.heard = { ms: 0, nowMs, silent };
  }

  #showDue(held: Held, nowMs: number): void {
    const { heard, parts, cues } = held;
    if (heard === null) return;
    const since = nowMs - heard.nowMs;
    const ms = heard.ms + (heard.silent ? since : Math.min(AHEAD_MS, since));
    const at = heard.silent || cues.length === 0 ? (ms / 1000) * LETTERS_PER_S : (cues.findLast((cue) => cue.ms <= ms)?.at ?? 0);
    const due = Math.max(held.shown, parts.findLastIndex((part) => part.at <= at), 0);
    const part = parts[due];
    if (part === undefined) {
      this.drop(held.utterance);
    } else if (due > held.shown) {
      held.shown = due;
      const readS = part.text.length / LETTERS_PER_S + STAY_S;
      this.show(part.text, heard.silent ? readS : MOST_S);
    } else if (heard.silent && due === parts.length - 1) {
      this.#held = this.#held.filter((other) => other !== held); // its own time ends it
    }
  }

  #of(utterance: number): Held | undefined {
    return this.#held.find((held) => held.utterance === utterance && utterance !== 0);
  }
}

/** A text in parts that fit: sentences, long ones cut where one breathes, else between words, evenly. */
export function partsOf(text: string): readonly Part[] {
  const sentences = pieces(text, /[^.!?…]+[.!?…]*["'”’)\]]*\s*|[.!?…]+\s*/gu, 0);
  const parts: Part[] = [];
  for (const sentence of sentences) {
    const before = parts.at(-1);
    const joined = before === undefined ? '' : text.slice(before.at, sentence.at + sentence.text.length);
    const short = before !== undefined && Math.min(before.text.length, sentence.text.length) <= SHORT_LETTERS;
    if (before !== undefined && short && joined.length <= MOST_LETTERS) parts[parts.length - 1] = { text: joined, at: before.at };
    else parts.push(...fitting(sentence));
  }
  return parts;
}

function fitting({ text, at }: Part): readonly Part[] {
  if (text.length <= MOST_LETTERS) return [{ text, at }];
  const cut = cutOf(text);
  const rest = text.slice(cut);
  const gap = rest.length - rest.trimStart().length;
  return [...fitting({ text: text.slice(0, cut).trimEnd(), at }), ...fitting({ text: rest.trimStart(), at: at + cut + gap })];
}

/** Where to cut a text that is too long: after a comma in its middle, else the space nearest to the middle, else anywhere. */
function cutOf(text: string): number {
  const middle = text.length / 2;
  const near = (pattern: RegExp, within: number) =>
    [...text.matchAll(pattern)]
      .map((match) => match.index + match[0].length)
      .filter((at) => at < text.length && Math.abs(at - middle) <= within)
      .toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
  return near(/[,;:–—]\s/gu, text.length * 0.3) ?? near(/\s+/gu, middle) ?? Math.round(middle);
}

function pieces(text: string, pattern: RegExp, from: number): readonly Part[] {
  return [...text.matchAll(pattern)]
    .map((match) => ({ text: match[0].trim(), at: from + match.index + (match[0].length - match[0].trimStart().length) }))
    .filter((part) => part.text !== '');
}
