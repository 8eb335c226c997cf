// Whatever bytes come, and in whatever pieces: the reader of hellos says what a naive one says, and throws nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { readClientHello } from '../../../bastion/front/client-hello.ts';
import { HELLOS } from '../../support/hello-samples.ts';
import { helloMessage, inRecords, naiveClientHello, serverNames } from '../../support/hellos.ts';
import { holds } from '../../support/property.ts';

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const extension = fc.oneof(
  { weight: 2, arbitrary: fc.string({ maxLength: 40 }).map((name) => [0, serverNames(name)] as const) },
  { weight: 1, arbitrary: bytes(12).map((value) => [0, value] as const) },
  { weight: 4, arbitrary: fc.tuple(fc.integer({ min: 1, max: 0xffff }), bytes(300)) },
);

const generated = fc
  .record({
    extensions: fc.option(fc.array(extension, { maxLength: 8 }), { nil: undefined }),
    sessionId: bytes(32),
    ciphers: bytes(64),
    lengths: fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 }),
  })
  .map(({ extensions, lengths, ...rest }) =>
    inRecords(helloMessage(extensions === undefined ? rest : { ...rest, extensions }), lengths),
  );

const captured = fc.constantFrom(...HELLOS.values());

/** A hello with some bytes changed, taken out or cut off. */
const damaged = fc
  .tuple(
    fc.oneof(captured, generated),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    fc.nat(),
    fc.boolean(),
  )
  .map(([hello, changes, cut, short]) => {
    const copy = Buffer.from(hello);
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return short ? copy.subarray(0, cut % copy.length) : copy;
  });

for (const [what, arbitrary, runs] of [
  ['hellos of every shape', generated, 2000],
  ['damaged hellos', damaged, 6000],
  ['noise', bytes(400), 2000],
] as const)
  test(`${what} are read as by the naive reader`, async () => {
    await holds(
      runs,
      fc.property(arbitrary, (input) => assert.deepEqual(readClientHello(input), naiveClientHello(input))),
    );
  });

test('a hello asks for more until it is whole, and then never changes its answer', async () => {
  await holds(
    300,
    fc.property(generated, fc.nat(), (hello, cut) => {
      const whole = readClientHello(hello);
      const part = readClientHello(hello.subarray(0, cut % (hello.length + 1)));
      assert.ok(part === 'more' || typeof part === typeof whole, JSON.stringify({ part, whole }));
      if (part !== 'more') assert.deepEqual(part, whole);
    }),
  );
});
