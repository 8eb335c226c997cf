// What a proxy answers to CONNECT: complete, incomplete, or refused with the documented code.

import assert from 'node:assert/strict';

import { readConnectAnswer } from '../../../shared/net/http-connect.ts';
import { outcome, words, type Target } from '../target.ts';

export const target: Target = {
  longest: 20_000,
  dictionary: words(
    ...[
      'HTTP/1.1 ',
      'HTTP/1.0 200\r\n',
      '407 No\r\n',
      '100 Continue\r\n\r\n',
      'Proxy-Authenticate: Basic realm="x"\r\n',
    ],
    ...['Proxy-Authenticate: Negotiate\r\n', '\r\n\r\n', '\r\n', '\n\n', '\t'],
  ),
  run(input) {
    const read = outcome(['proxy-refused'], () => readConnectAnswer(input));
    if ('code' in read || read.result === undefined) return;
    const { status, rest } = read.result;
    assert.ok(status >= 200 && status <= 999);
    assert.ok(input.subarray(input.length - rest.length).equals(rest));
  },
};
