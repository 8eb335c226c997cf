// The JSON of the handshake and of INFO: read or refused with the documented code, and what was read says the same when read again.

import assert from 'node:assert/strict';

import {
  decodeAcceptance,
  decodeInfo,
  decodeRegistration,
  decodeResumed,
  decodeResumption,
  encodeHeader,
} from '../../../shared/wire/handshake.ts';
import { outcome, words, type Target } from '../target.ts';

const READERS = [decodeRegistration, decodeAcceptance, decodeResumption, decodeResumed] as const;
/** Half of what Node takes of headers. */
const LONGEST_HEADER = 8192;

export const target: Target = {
  longest: 6_200,
  dictionary: words(
    ...['"agent":', '"instance":', '"slot":', '"names":', '"access":"private"', '"access":"public"', '"services":'],
    ...['"links":', '"features":', '"limits":', '"credit":', '"streams":', '"message":', '"session":', '"attempt":'],
    ...[
      '"received":',
      '"proof":',
      '"type":"links"',
      '"type":"link-spent"',
      '"type":"readiness"',
      '"serial":',
      '"job":',
    ],
    ...[
      '"type":"job"',
      '"type":"idle"',
      '"type":"activity"',
      '"type":"keep"',
      '"state":',
      '"remainingMs":',
      '"idleMs":',
    ],
    ...[
      '"scheduler":',
      '"node":',
      '"notice":',
      '"connections":',
      '"from":',
      '"ports":[[1,9]]',
      '"kind":"tcp"',
      '"urls":',
    ],
    ...['null', 'true', '-1', '1e99', '0.5', '[]', '{}', '"__proto__":', '\\u0000', '\\ud800', '"authorization":'],
  ),
  run(input) {
    const [which = 0] = input;
    const text = input.subarray(1);
    if (which % 6 === 5) return info(text);
    const read = READERS[which % 6 === 4 ? 0 : which % 6] as (header: string) => never;
    const header = which % 6 === 4 ? text.toString('latin1') : text.toString('base64url');
    const found = outcome(['registration-malformed'], () => read(header));
    if ('code' in found) return undefined;
    const again = encodeHeader(found.result);
    assert.ok(Object.keys(found.result).length > 0);
    // Written anew it may have become longer, as \\u0000 does; what fits says the same.
    if (again.length <= LONGEST_HEADER) assert.deepEqual(read(again), found.result);
    assert.equal(Object.getPrototypeOf(found.result), Object.prototype);
    return undefined;
  },
};

function info(payload: Buffer): void {
  const found = outcome(['protocol-error'], () => decodeInfo(payload));
  if ('code' in found || found.result === undefined) return;
  assert.deepEqual(decodeInfo(Buffer.from(JSON.stringify(found.result))), found.result);
}
