// However a response's bytes are cut, the reader says the same of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { responseBytes, garbled } from '../support/response-bytes.ts';
import { readWhole, type Read } from '../support/read-response.ts';

/** All but the wording: what is wrong may be noticed at another place. */
function comparable(read: Read): unknown {
  const { error, ...rest } = read;
  return error === undefined ? rest : error.code;
}

function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const sorted = [...new Set(points.map((point) => point % (bytes.length + 1)))].toSorted((a, b) => a - b);
  const edges = [0, ...sorted, bytes.length];
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index] as number, edge));
}

test('valid responses read the same in one piece, byte by byte, and cut anywhere', () => {
  fc.assert(
    fc.property(responseBytes(), fc.array(fc.nat(), { maxLength: 12 }), ({ bytes, method, end }, points) => {
      const expected = readWhole([bytes], { method, end });
      assert.equal(expected.error, undefined);
      assert.equal(expected.complete, true);
      const single = [...bytes].map((byte) => Buffer.from([byte]));
      for (const pieces of [cut(bytes, points), single])
        assert.deepEqual(comparable(readWhole(pieces, { method, end })), comparable(expected));
    }),
    { numRuns: 400 },
  );
});

test('garbled responses are accepted or refused the same, with known codes only', () => {
  fc.assert(
    fc.property(garbled(), fc.array(fc.nat(), { maxLength: 12 }), (bytes, points) => {
      const expected = readWhole([bytes], { end: true });
      const codes = [undefined, 'upstream-response-invalid', 'upstream-closed'];
      assert.ok(codes.includes(expected.error?.code), expected.error?.message);
      const single = [...bytes].map((byte) => Buffer.from([byte]));
      for (const pieces of [cut(bytes, points), single]) {
        const read = readWhole(pieces, { end: true });
        // Behind a complete response, another cut makes a rest of bytes, or bytes nobody asked for.
        if (expected.complete) assert.equal(read.complete, true);
        else assert.deepEqual(comparable(read), comparable(expected));
      }
    }),
    { numRuns: 600 },
  );
});
