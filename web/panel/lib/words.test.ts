import { expect, test } from 'vitest';

import {
  GUIDE_MODES, age, bytes, clock, controlLabel, controlValue, guideDoes, guideLimit, guideSays, keyed, languageName, microphoneWord, number,
  oneLine, quality, riskWord, signed, speaker, timeOfDay,
} from './words';

test('a number that is not there is a dash, never a zero', () => {
  for (const missing of [null, undefined, NaN, Infinity]) expect(number(missing, 1)).toBe('–');
});

test('numbers carry a real minus, and no minus zero', () => {
  expect(number(-27.25, 1)).toBe('−27.3');
  expect(number(-0.001, 1)).toBe('0.0');
  expect(signed(0.3)).toBe('+0.30');
  expect(signed(-0.3)).toBe('−0.30');
  expect(signed(0.001)).toBe('0.00');
});

test('clocks count whole seconds and know hours', () => {
  expect(clock(192.9)).toBe('03:12');
  expect(clock(3792)).toBe('1:03:12');
  expect(clock(-4)).toBe('00:00');
});

test('the time of day goes round', () => {
  expect(timeOfDay(19.5)).toBe('19:30');
  expect(timeOfDay(24)).toBe('00:00');
  expect(timeOfDay(-1)).toBe('23:00');
  expect(timeOfDay(23.9999)).toBe('00:00');
});

test('quality is a word and dots that agree', () => {
  expect(quality(0.9)).toEqual({ word: 'good', dots: 4 });
  expect(quality(0.6)).toEqual({ word: 'fair', dots: 2 });
  expect(quality(0.05)).toEqual({ word: 'poor', dots: 1 });
  for (const none of [0, null, undefined, NaN]) expect(quality(none)).toEqual({ word: 'none', dots: 0 });
});

test('ages are said in steps that do not flicker', () => {
  expect(age(0.4)).toBe('under 1 s old');
  expect(age(12.7)).toBe('12 s old');
  expect(age(200)).toBe('3 min old');
  expect(age(null)).toBe('no age');
});

test('controls have names and units, and unknown ones keep their own', () => {
  expect(controlValue('light', 0.42)).toBe('42 %');
  expect(controlValue('time_of_day_h', 6.25)).toBe('06:15');
  expect(controlValue('mode', 'major_pentatonic')).toBe('major pentatonic');
  expect(controlValue('light', null)).toBe('–');
  expect(controlLabel('fog_depth')).toBe('fog depth');
  expect(controlValue('fog_depth', 2)).toBe('2.00');
});

test('sizes', () => {
  expect([bytes(12), bytes(4300), bytes(2_500_000)]).toEqual(['12 B', '4 kB', '2.5 MB']);
});

test('the guide is said in plain words, whoever speaks through it', () => {
  expect(GUIDE_MODES.map((each) => each.name)).toEqual(['off', 'scripted', 'approved', 'free']);
  expect(guideDoes('held')).toBe('keeping quiet');
  expect(microphoneWord('denied')).toBe('microphone refused by the patient');
  expect(microphoneWord('what')).toBe('microphone not known yet');
  expect(languageName('de')).toBe('German');
  expect(speaker({ who: 'therapist', text: 'Hello', at_s: 1, source: 'therapist' })).toBe('You, by the guide');
  expect(speaker({ who: 'guide', text: 'Hello', at_s: 1, source: 'risk' })).toBe('Guide, safety line');
  expect(riskWord('self_harm')).toBe('Self-harm');
  expect(riskWord('')).toBe('Risk');
});

test('what was pasted becomes one line that the server takes', () => {
  expect(oneLine('  one\n\ttwo\u2028three\u0085 ')).toBe('one two three');
  expect(oneLine(' \n ')).toBe('');
});

test('turns keep their keys when older ones fall out, and have one each', () => {
  const first = { who: 'guide' as const, text: 'Yes.', at_s: 1 };
  const later = { ...first, at_s: 2 };
  expect(new Set(keyed([first, first, later]).map((each) => each.key)).size).toBe(3);
  expect(keyed([later])[0]?.key).toBe(keyed([first, later])[1]?.key);
});

test('a proposal that waits needs a human, whatever else the guide does', () => {
  const proposal = { turn: 1, text: 'x', line_id: '', actions: [], reason: '', backend: '', until_s: 1 };
  const guide = {
    mode: 'approved' as const, wanted_mode: 'approved' as const, approval: true, missing: [], state: 'listening' as const,
    language: 'en', transcript: [], partial: '', proposal: null, risk: null, ratings: [], microphone: 'on',
  };
  expect(guideSays(guide)).toBe('listening');
  expect(guideSays({ ...guide, proposal })).toBe('needs you');
});

test('who allows the guide no more than what is offered is said: the plan, or the clinic, or nobody', () => {
  const all = ['off', 'scripted', 'approved', 'free'] as const;
  expect(guideLimit(all, 'free')).toBe('');
  expect(guideLimit(all, 'approved')).toBe('This plan allows no more than “Approved lines”.');
  expect(guideLimit(['off', 'scripted'], 'approved')).toBe('The clinic allows no more than “Scripted”.');
  expect(guideLimit(['off', 'scripted', 'approved'], 'off')).toBe('This plan allows no more than “Off”.');
  expect(guideLimit([], 'free')).toBe('');
});
