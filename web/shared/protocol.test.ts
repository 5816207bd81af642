import { describe, expect, it } from 'vitest';

import { parseServerText } from './control';
import { Backoff } from './backoff';
import * as p from './protocol';

function frameBytes(change: (view: DataView) => void = () => undefined, payload = 5): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(p.FRAME_HEADER_BYTES + payload));
  view.setUint8(0, 1);
  view.setUint8(1, 1);
  view.setUint16(2, 1 | 4, true);
  view.setUint32(4, 7, true);
  view.setUint32(8, 5, true);
  view.setUint16(12, 640, true);
  view.setUint16(14, 704, true);
  [12.5, 12.75, 3456.789].forEach((value, i) => view.setFloat64(16 + 8 * i, value, true));
  [0.5, 1.25, -2, 0.5, -0.5, 0.5, -0.5].forEach((value, i) => view.setFloat32(40 + 4 * i, value, true));
  [1.25, 1, 1.125, 1.5, 1, 1.25, 1.125, 1.5, 0.0625].forEach((value, i) => view.setFloat32(68 + 4 * i, value, true));
  change(view);
  return view.buffer;
}

describe('a frame', () => {
  it('is read as the wire says', () => {
    const { header, payload } = p.parseFrame(frameBytes());
    expect(header).toEqual({
      frameId: 7,
      poseSeq: 5,
      eyeWidth: 640,
      eyeHeight: 704,
      renderAtS: 12.5,
      sentAtS: 12.75,
      poseClientMs: 3456.789,
      position: [0.5, 1.25, -2],
      orientation: [0.5, -0.5, 0.5, -0.5],
      tanLeft: [1.25, 1, 1.125, 1.5],
      tanRight: [1, 1.25, 1.125, 1.5],
      ipdM: 0.0625,
      key: true,
      vp9: false,
      safe: true,
      panorama: false,
      foveation: null,
    });
    expect(payload.byteLength).toBe(5);
  });

  it('says whether it shows all round', () => {
    const round = frameBytes((view) => view.setUint16(2, 1 | 32, true));
    expect(p.parseFrame(round).header).toMatchObject({ key: true, safe: false, panorama: true });
  });

  it('says how a divided picture is made up, before its depth', () => {
    const divided = (change: (view: DataView) => void = () => undefined): ArrayBuffer =>
      frameBytes((view) => {
        view.setUint16(2, 64 | 8, true);
        view.setUint16(104, 608, true);
        view.setUint16(106, 352, true);
        [0.5, 0.625, 0.75, 0.5, 0.625, 0.5, 0.75, 0.5].forEach((t, i) => view.setFloat32(108 + 4 * i, t, true));
        view.setUint16(140, 3, true);
        change(view);
      }, 36 + 2 + 3 + 5);
    const { header, depth, payload } = p.parseFrame(divided());
    expect(header.foveation).toEqual({
      rimPx: 608, middlePx: 352, middleLeft: [0.5, 0.625, 0.75, 0.5], middleRight: [0.625, 0.5, 0.75, 0.5],
    });
    expect([depth?.byteLength, payload.byteLength]).toEqual([3, 5]);
    const wrong = [
      divided((view) => view.setUint16(106, 609, true)),
      divided((view) => view.setUint16(106, 0, true)),
      divided((view) => view.setFloat32(108, NaN, true)),
      divided().slice(0, 140),
    ];
    for (const data of wrong) expect(() => p.parseFrame(data)).toThrow(p.BadMessage);
  });

  it.each([
    ['no payload', frameBytes(undefined, 0)],
    ['torn', frameBytes().slice(0, 60)],
    ['empty', new ArrayBuffer(0)],
    ['another type', frameBytes((v) => v.setUint8(0, 16))],
    ['another version', frameBytes((v) => v.setUint8(1, 2))],
    ['a NaN clock', frameBytes((v) => v.setFloat64(16, NaN, true))],
    ['an infinite position', frameBytes((v) => v.setFloat32(40, Infinity, true))],
    ['no rotation', frameBytes((v) => [52, 56, 60, 64].forEach((at) => v.setFloat32(at, 0, true)))],
    ['a negative field of view', frameBytes((v) => v.setFloat32(68, -1, true))],
  ])('is refused with %s', (_, data) => {
    expect(() => p.parseFrame(data)).toThrow(p.BadMessage);
  });

  it('of random bytes is refused or finite, never another error', () => {
    let state = 1;
    const random = () => (state = (state * 48271) % 2147483647) & 255;
    for (let i = 0; i < 2000; i++) {
      const bytes = Uint8Array.from({ length: i % 140 }, random);
      if (i % 2 === 0) bytes.set([1, 1].slice(0, bytes.length));
      try {
        const { header } = p.parseFrame(bytes.buffer);
        expect([...header.position, ...header.orientation, header.renderAtS].every(Number.isFinite)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(p.BadMessage);
      }
    }
  });
});

describe('what goes up', () => {
  it('is a pose of 84 bytes as the wire says', () => {
    const view = new DataView(
      p.packPose({
        seq: 9,
        clientMs: 12.5,
        position: [1, 2, 3],
        orientation: [0, 0, 0, 1],
        tanLeft: [0.5, 0.6, 0.7, 0.8],
        tanRight: [0.6, 0.5, 0.7, 0.8],
        ipdM: 0.064,
        displayHz: 72,
        emulated: true,
      }),
    );
    expect(view.byteLength).toBe(84);
    expect([view.getUint8(0), view.getUint8(1), view.getUint16(2, true), view.getUint32(4, true)]).toEqual([2, 1, 1, 9]);
    expect(view.getFloat64(8, true)).toBe(12.5);
    expect([16, 28, 40, 44, 60, 76, 80].map((at) => view.getFloat32(at, true))).toEqual(
      [1, 0, 1, 0.5, 0.6, 0.064, 72].map(Math.fround),
    );
  });

  it('is an ack, a key request and a shown mark as the wire says', () => {
    const ack = new DataView(p.packAck(3, 99.5, 2.5));
    expect([ack.byteLength, ack.getUint8(0), ack.getUint32(4, true), ack.getFloat64(8, true), ack.getFloat32(16, true)]).toEqual(
      [24, 3, 3, 99.5, 2.5],
    );
    const key = new DataView(p.packKeyRequest(p.KeyReason.gap, 8));
    expect([key.byteLength, key.getUint8(0), key.getUint16(2, true), key.getUint32(4, true)]).toEqual([8, 4, 2, 8]);
    const shown = new DataView(p.packShown(4, 10.25, 6, 31.5));
    expect([shown.byteLength, shown.getUint8(0), shown.getUint32(4, true), shown.getFloat64(8, true)]).toEqual([24, 5, 4, 10.25]);
    expect([shown.getUint32(16, true), shown.getFloat32(20, true)]).toEqual([6, 31.5]);
  });
});

describe('an audio packet', () => {
  it('is read as the wire says, and refused without sound', () => {
    const view = new DataView(new ArrayBuffer(18));
    view.setUint16(0, 0x0110, true);
    view.setUint32(4, 3, true);
    view.setFloat64(8, 44.5, true);
    const packet = p.parseAudio(view.buffer);
    expect([packet.seq, packet.playAtS, packet.payload.byteLength]).toEqual([3, 44.5, 2]);
    expect(() => p.parseAudio(view.buffer.slice(0, 16))).toThrow(p.BadMessage);
  });
});

describe('the server’s texts', () => {
  it.each([
    ['{"type":"welcome","version":1,"headset":"h","session":{"phase":"READY"}}', { type: 'welcome', headset: 'h', phase: 'READY' }],
    ['{"type":"pong","id":1,"client_ms":2.5,"server_s":3.5}', { type: 'pong', id: 1, clientMs: 2.5, serverS: 3.5 }],
    ['{"type":"phase","phase":"RUNNING","stage":"settle"}', { type: 'phase', phase: 'RUNNING', stage: 'settle' }],
    ['{"type":"safe","on":true,"fade_s":99}', { type: 'safe', on: true, fadeS: 10 }],
  ])('are understood: %s', (text, message) => expect(parseServerText(text)).toEqual(message));

  it.each(['', 'null', '[]', '{}', '{"type":"phase","phase":"DANCING"}', '{"type":"pong","id":1}', '{"type":"safe","on":1,"fade_s":1}'])(
    'are refused: %s',
    (text) => expect(() => parseServerText(text)).toThrow(p.BadMessage),
  );
});

describe('the back-off', () => {
  it('grows to 5 s and starts again after success', () => {
    const backoff = new Backoff(() => 0.5);
    const waits = Array.from({ length: 10 }, () => backoff.nextMs());
    expect(waits[0]).toBe(250);
    expect(waits.every((wait, i) => i === 0 || wait >= (waits[i - 1] ?? 0))).toBe(true);
    expect(waits.at(-1)).toBe(5000);
    backoff.reset();
    expect(backoff.nextMs()).toBe(250);
  });
});

describe('the guide’s voice', () => {
  function speech(change: (view: DataView) => void = () => undefined, payload = 4): ArrayBuffer {
    const view = new DataView(new ArrayBuffer(20 + payload));
    view.setUint8(0, 17);
    view.setUint8(1, 1);
    view.setUint16(2, 3, true);
    view.setUint32(4, 7, true);
    view.setFloat64(8, 12.5, true);
    view.setUint32(16, 3, true);
    change(view);
    return view.buffer;
  }

  it('is read as the wire says', () => {
    expect(p.isSpeech(speech())).toBe(true);
    expect(p.parseSpeech(speech())).toMatchObject({ seq: 7, playAtS: 12.5, utterance: 3, last: true, safety: true });
    expect(p.parseSpeech(speech()).payload.byteLength).toBe(4);
  });

  it.each([
    ['no payload', speech(undefined, 0)],
    ['another version', speech((v) => v.setUint8(1, 2))],
    ['another type', speech((v) => v.setUint8(0, 16))],
    ['a NaN time', speech((v) => v.setFloat64(8, NaN, true))],
  ])('is refused with %s', (_, data) => expect(() => p.parseSpeech(data)).toThrow(p.BadMessage));

  it('goes with words to the page', () => {
    expect(parseServerText('{"type":"caption","text":"Hi","for_s":2,"utterance":4,"language":"de"}')).toEqual({
      type: 'caption', text: 'Hi', forS: 2, utterance: 4, language: 'de',
    }); // prettier-ignore
    expect(parseServerText('{"type":"hush","fade_s":0.03}')).toEqual({ type: 'hush', utterance: 0, fadeS: 0.03 });
    expect(parseServerText('{"type":"listen","on":true}')).toEqual({ type: 'listen', on: true });
    expect(parseServerText('{"type":"soften","on":false}')).toEqual({ type: 'soften', on: false });
    for (const bad of ['{"type":"listen"}', '{"type":"hush","utterance":"x","fade_s":0}', '{"type":"soften","on":1}']) {
      expect(() => parseServerText(bad)).toThrow(p.BadMessage);
    }
  });

  it('is answered by microphone packets that lie as the wire says', () => {
    const view = new DataView(p.packMicrophone(9, 1500.25, Uint8Array.of(1, 2, 3)));
    expect(view.byteLength).toBe(19);
    expect([view.getUint8(0), view.getUint8(1), view.getUint32(4, true), view.getFloat64(8, true)]).toEqual([19, 1, 9, 1500.25]);
    expect(view.getUint8(18)).toBe(3);
  });
});
