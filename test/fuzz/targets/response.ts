// Responses of a notebook: read or refused with a documented code, and the same however the bytes were cut.

import assert from 'node:assert/strict';

import { responseHeaders } from '../../../bastion/forward/headers.ts';
import type { ResponseHead } from '../../../bastion/forward/response-head.ts';
import { ResponseReader } from '../../../bastion/forward/response.ts';
import { readWhole, type Read } from '../../support/read-response.ts';
import { words, type Target } from '../target.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE'] as const;
const CODES = [undefined, 'upstream-response-invalid', 'upstream-closed'];

export const target: Target = {
  longest: 70_000,
  dictionary: words(
    ...[
      'HTTP/1.1 ',
      'HTTP/1.0 ',
      '200 OK\r\n',
      '101 Switching Protocols\r\n',
      '204 No Content\r\n',
      '100 Continue\r\n\r\n',
    ],
    ...['Content-Length: ', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'Keep-Alive: timeout=5\r\n'],
    ...[
      'Connection: upgrade\r\nUpgrade: websocket\r\n',
      'Trailer: x\r\n',
      '\r\n\r\n',
      '\r\n',
      '0\r\n\r\n',
      ';a=b',
      '\n',
      ' \r\n',
    ],
  ),
  run(input) {
    const [flags = 0, cut = 0] = input;
    const bytes = input.subarray(2);
    const options = { method: METHODS[flags & 3] as 'GET', end: (flags & 4) !== 0, upgrade: (flags & 8) !== 0 };
    const whole = readWhole([bytes], options);
    assert.ok(CODES.includes(whole.error?.code), whole.error?.stack);
    const pieces = readWhole(cutAt(bytes, cut), options);
    assert.ok(CODES.includes(pieces.error?.code), pieces.error?.stack);
    // Behind a complete response, another cut makes a rest of bytes, or bytes nobody asked for.
    if (whole.complete) assert.equal(pieces.complete, true);
    else assert.deepEqual(comparable(pieces), comparable(whole));
    if (whole.complete) forVisitors(bytes, options);
  },
};

const HOST = 'alice.notebooks.example.org';

/** Of a response that was read without a complaint: what visitors get of its head. */
function forVisitors(bytes: Buffer, { method, upgrade }: { method: string; upgrade: boolean }): void {
  const heads: ResponseHead[] = [];
  const keep = (head: ResponseHead): void => void heads.push(head);
  const reader = new ResponseReader({ onInterim: keep, onHead: keep, onBody: () => {}, onComplete: () => {} });
  reader.expect(method, upgrade);
  reader.read(bytes);
  for (const head of heads) {
    const kept = responseHeaders(head, HOST, method === 'GET');
    assert.ok(kept.every((text) => !/[\r\n\0]/.test(text)));
    const pairs = kept.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), kept[index + 1] ?? '']] : []));
    for (const [name = '', value = ''] of pairs) {
      assert.ok(!['transfer-encoding', 'keep-alive', 'proxy-connection'].includes(name), name);
      if (name !== 'set-cookie') continue;
      assert.ok(!/^[=\s]*__host-postern(?:-[^=;]*)?\s*(?:=|;|$)/i.test(value), 'the notebook sets our cookie');
      assert.ok(!/;\s*domain\s*=\s*\.?notebooks\.example\.org\s*(?:;|$)/i.test(value), 'a cookie for the neighbours');
    }
  }
}

/** All but the wording: what is wrong may be noticed at another place. */
function comparable({ error, ...rest }: Read): unknown {
  return error === undefined ? rest : error.code;
}

function cutAt(bytes: Buffer, cut: number): Buffer[] {
  const size = 1 + (cut % 64);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
