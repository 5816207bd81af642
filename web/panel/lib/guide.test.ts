import { describe, expect, it } from 'vitest';

import { guideState, keyed, LONGEST_WORDS, oneLine, riskWords, unsure } from './guide';
import type { Guide } from './types';

const GUIDE: Guide = {
  mode: 'approved', wanted_mode: 'approved', approval: false, missing: [], state: 'idle', language: 'en',
  transcript: [], partial: '', proposal: null, risk: null, ratings: [], microphone: 'on',
};

describe('the guide in words', () => {
  it('needs a human when a proposal waits, whatever else it does', () => {
    expect(guideState(GUIDE)).toBe('quiet');
    expect(guideState({ ...GUIDE, state: 'speaking' })).toBe('speaking');
    const proposal = { turn: 1, text: 'x', actions: [], reason: '', until_s: 1 };
    expect(guideState({ ...GUIDE, state: 'thinking', proposal })).toBe('needs you');
    expect(guideState({ ...GUIDE, state: 'crisis' })).toBe('needs you');
  });

  it('makes one line of what was pasted', () => {
    expect(oneLine('  one\n\ttwo\u2028three\u0085 ')).toBe('one two three');
    expect(oneLine('x'.repeat(400))).toHaveLength(LONGEST_WORDS);
  });

  it('marks only doubtful words of the patient', () => {
    expect(unsure({ who: 'patient', text: '', at_s: 0, confidence: 0.59 })).toBe(true);
    expect(unsure({ who: 'patient', text: '', at_s: 0, confidence: 0.6 })).toBe(false);
    expect(unsure({ who: 'guide', text: '', at_s: 0 })).toBe(false);
  });

  it('keeps keys apart, and the same when older lines fall out', () => {
    const line = { who: 'guide' as const, text: 'Yes.', at_s: 1 };
    const later = { ...line, at_s: 2 };
    expect(new Set(keyed([line, line, later]).map((each) => each.key)).size).toBe(3);
    expect(keyed([later])[0]?.key).toBe(keyed([line, later])[1]?.key);
  });

  it('has words for a kind of risk that it does not know', () => {
    expect(riskWords('self_harm')).toContain('harm themselves');
    expect(riskWords('else')).toBe('The patient may need you');
  });
});
