import { describe, expect, it } from 'vitest';

import { Captions, MOST_LETTERS, partsOf } from './captions';

const LONG =
  'You can let the chair hold you now. There is nothing that you have to do, and nothing that you have to change, ' +
  'while the sea goes on by itself as it has always done. Good. Listen for a moment to the lowest sound that is there.';

function captions() {
  const shown: { text: string; forS: number }[] = [];
  return { shown, texts: () => shown.map(({ text }) => text), captions: new Captions((text, forS) => shown.push({ text, forS })) };
}

describe('parts of a text', () => {
  it('are sentences, and pieces of long ones, that fit, and nothing of the text is lost', () => {
    const parts = partsOf(LONG);
    expect(parts.map(({ text }) => text)).toContain('You can let the chair hold you now.');
    for (const { text, at } of parts) {
      expect(text.length).toBeLessThanOrEqual(MOST_LETTERS);
      expect(LONG.slice(at, at + text.length)).toBe(text);
    }
    expect(parts.map(({ text }) => text).join(' ')).toBe(LONG);
  });

  it.each([
    ['Yes. And now let it go.', ['Yes. And now let it go.']],
    ['Is it “too much”? Then say so.', ['Is it “too much”? Then say so.']],
    ['…', ['…']],
    ['', []],
    ['   ', []],
    ['no end', ['no end']],
    ['x'.repeat(130), ['x'.repeat(33), 'x'.repeat(32), 'x'.repeat(33), 'x'.repeat(32)]],
  ])('of %j are %j', (text, parts) => {
    expect(partsOf(text).map((part) => part.text)).toEqual(parts);
  });

  it('begin anew with each sentence that has some length', () => {
    const text = 'The waves are calm tonight. Your breath comes and goes.';
    expect(partsOf(text)).toEqual([
      { text: 'The waves are calm tonight.', at: 0 },
      { text: 'Your breath comes and goes.', at: 28 },
    ]);
  });
});

describe('captions', () => {
  const TWO = 'The waves are calm tonight. Your breath comes and goes.';

  it('appear with the first sound of their utterance, or late, or not at all', () => {
    const { captions: c, texts } = captions();
    c.add('at once', 0, 0);
    c.add('one', 1, 0);
    c.add('two', 2, 0);
    c.add('three', 3, 0);
    c.add('four', 4, 0);
    expect(texts()).toEqual(['at once']);
    c.played(1, 0, false, 10);
    c.played(2, 0, true, 10); // hushed before it was heard
    c.step(3000, true); // another is being heard
    expect(texts()).toEqual(['at once', 'one']);
    c.played(1, 900, true, 3000);
    c.drop(3);
    c.step(3100, false); // nothing is heard: the words are read
    expect(texts()).toEqual(['at once', 'one', 'one', 'four']);
  });

  it('follow the voice: a part comes when its words sound, not before', () => {
    const { captions: c, texts, shown } = captions();
    c.add(TWO, 7, 0);
    c.cue(7, 0, 40);
    c.cue(7, 28, 6000); // a long silence is between them
    c.played(7, 0, false, 100);
    for (let ms = 200; ms <= 5800; ms += 200) {
      c.played(7, ms, false, 100 + ms);
      c.step(100 + ms + 100, true);
    }
    expect(texts()).toEqual(['The waves are calm tonight.']);
    c.played(7, 6000, false, 6100);
    expect(texts().at(-1)).toBe('Your breath comes and goes.');
    c.played(7, 7500, true, 7600);
    expect(shown.at(-1)).toEqual({ text: 'Your breath comes and goes.', forS: 1.5 });
  });

  it('come on time between two reports, and wait for a sound that has stopped', () => {
    const { captions: c, texts } = captions();
    c.add(TWO, 7, 0);
    c.cue(7, 0, 0);
    c.cue(7, 28, 2100);
    c.played(7, 0, false, 0);
    c.played(7, 2000, false, 2000);
    c.step(2090, true);
    expect(texts()).toHaveLength(1);
    c.step(2110, true);
    expect(texts()).toHaveLength(2);

    const late = captions();
    late.captions.add(TWO, 7, 0);
    late.captions.cue(7, 28, 2500);
    late.captions.played(7, 2000, false, 2000);
    late.captions.step(9000, true); // 2000 ms were heard, and nothing for 7 s
    expect(late.texts()).toEqual(['The waves are calm tonight.']);
  });

  it('come in step with calm reading where there is no sound, and where nothing tells the time', () => {
    const read = captions();
    read.captions.add(TWO, 0, 1000);
    read.captions.step(2500, false);
    expect(read.texts()).toEqual(['The waves are calm tonight.']);
    read.captions.step(1000 + (28 / 12) * 1000 + 1, false);
    expect(read.texts()).toHaveLength(2);
    expect(read.shown[1]?.forS).toBeCloseTo(27 / 12 + 1.5);

    const uncued = captions();
    uncued.captions.add(TWO, 3, 0);
    uncued.captions.played(3, 0, false, 0);
    uncued.captions.played(3, 2400, false, 2400);
    expect(uncued.texts()).toHaveLength(2);
  });

  it('of an utterance give way to those of the next, and a hush ends them', () => {
    const { captions: c, texts } = captions();
    c.add(TWO, 1, 0);
    c.played(1, 0, false, 0);
    c.add('Of course.', 2, 500);
    c.played(2, 0, false, 600);
    c.step(9000, false);
    expect(texts()).toEqual(['The waves are calm tonight.', 'Of course.']);
    c.add(TWO, 3, 9000);
    c.played(3, 0, false, 9000);
    c.drop(0);
    c.step(20_000, false);
    expect(texts()).toHaveLength(3);
  });
});
