// Every rule on a frame's type, length and stream is checked from the header alone, and has its own code.

import assert from 'node:assert/strict';
import test from 'node:test';

import { decodeFarewell, decodeFrame, decodeOpening, type FrameView } from '../../../shared/wire/decode.ts';
import { farewellPayload, openingPayload } from '../../../shared/wire/encode.ts';
import { FRAME, FRAME_RULES, MAX_DATA_BYTES } from '../../../shared/wire/frame.ts';

const view: FrameView = { type: 0, stream: 0, start: 0, end: 0 };

function header(type: number, length: number, stream: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(type, 0);
  bytes.writeUIntBE(length, 1, 3);
  bytes.writeUInt32BE(stream, 4);
  return bytes;
}

for (const [name, type] of Object.entries(FRAME)) {
  const { shortest, longest, ofStream } = FRAME_RULES[type];
  const stream = ofStream ? 7 : 0;

  test(`${name} may be ${shortest} to ${longest} bytes long`, () => {
    assert.equal(
      decodeFrame(Buffer.concat([header(type, longest, stream), Buffer.alloc(longest)]), 0, view),
      8 + longest,
    );
    assert.equal(view.type, type);
    assert.throws(() => decodeFrame(header(type, longest + 1, stream), 0, view), { code: 'frame-too-large' });
    if (shortest > 0)
      assert.throws(() => decodeFrame(header(type, shortest - 1, stream), 0, view), { code: 'protocol-error' });
  });

  test(`${name} ${ofStream ? 'belongs to a stream' : 'belongs to no stream'}`, () => {
    const wrong = header(type, shortest, ofStream ? 0 : 1);
    assert.throws(() => decodeFrame(wrong, 0, view), { code: 'protocol-error' });
  });
}

test('an unknown type below 0x40 is an error, from 0x40 up it is skipped', () => {
  for (const type of [0x00, 0x0a, 0x3f])
    assert.throws(() => decodeFrame(header(type, 0, 1), 0, view), { code: 'frame-unknown' });
  for (const type of [0x40, 0x7f, 0x80, 0xff]) {
    assert.equal(decodeFrame(Buffer.concat([header(type, 3, 0xffff_ffff), Buffer.alloc(3)]), 0, view), 11);
    assert.equal(view.type, 0);
    assert.throws(() => decodeFrame(header(type, MAX_DATA_BYTES + 1, 1), 0, view), { code: 'frame-too-large' });
  }
});

test('a length is refused before any of the payload is waited for', () => {
  const endless = header(FRAME.DATA, 0xff_ffff, 1);
  assert.throws(() => decodeFrame(endless, 0, view), { code: 'frame-too-large' });
});

test('OPEN says which service, for whom and with how much credit', () => {
  const opening = { service: 'web', visitor: '192.0.2.7', credit: 262_144 };
  assert.deepEqual(decodeOpening(openingPayload(opening)), opening);
  assert.deepEqual(decodeOpening(openingPayload({ ...opening, visitor: '' })).visitor, '');
  const long = { service: 'a'.repeat(63), visitor: 'x'.repeat(300), credit: 0xffff_ffff };
  assert.deepEqual(decodeOpening(openingPayload(long)), { ...long, visitor: 'x'.repeat(255) });
});

test('OPEN whose lengths do not add up, or that names no label, is refused', () => {
  const good = openingPayload({ service: 'web', visitor: 'v', credit: 1 });
  const bad = [
    Buffer.concat([good, Buffer.alloc(1)]),
    good.subarray(0, good.length - 1),
    Buffer.from([0, 0, 0, 1, 255, 119, 0]),
    Buffer.from([0, 0, 0, 1, 2, 119, 101]),
    Buffer.from([0, 0, 0, 1, 0, 0, 0]),
  ];
  const names = ['', 'Web', '127.0.0.1:80', 'a/b', 'a b', 'a\n'];
  for (const payload of [...bad, ...names.map((service) => openingPayload({ service, visitor: '', credit: 1 }))])
    assert.throws(() => decodeOpening(payload), { code: 'protocol-error' });
});

test("a visitor's address cannot bring control characters into a log", () => {
  const payload = openingPayload({ service: 'web', visitor: 'x', credit: 1 });
  payload[payload.length - 1] = 10;
  assert.equal(decodeOpening(payload).visitor, '?');
});

test('GOAWAY says why, when to come back and where else to go; only https URLs are believed', () => {
  const alternatives = ['https://b.example.org', 'http://c.example.org', 'nonsense', 'https://d.example.org:8443'];
  const farewell = decodeFarewell(farewellPayload({ reason: 1103, reconnectAfterMs: 1500, alternatives }));
  assert.deepEqual(farewell, {
    reason: 1103,
    reconnectAfterMs: 1500,
    alternatives: [alternatives[0], alternatives[3]],
  });
  assert.equal(
    decodeFarewell(farewellPayload({ reason: 1, reconnectAfterMs: 1e12, alternatives: [] })).reconnectAfterMs,
    0xffff_ffff,
  );
});
