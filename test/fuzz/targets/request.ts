// What a visitor's request says of host, target and body, and the head that is written of it for the notebook.

import assert from 'node:assert/strict';

import { requestHead } from '../../../bastion/forward/headers.ts';
import { readHost, readTarget, readUpload } from '../../../bastion/forward/request-check.ts';
import { normalDomain, placeOf } from '../../../bastion/front/hostname.ts';
import { outcome, words, type Target } from '../target.ts';

const DOMAIN = 'notebooks.example.org';
const METHODS = ['GET', 'POST', 'OPTIONS', 'HEAD', 'DELETE'] as const;
/** What Node's parser lets through in a field (RFC 9110, 5.5) and in a request target. */
const FIELD = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const target: Target = {
  longest: 4_000,
  dictionary: words(
    ...['Host: ', DOMAIN, `alice.${DOMAIN}`, `alice--8787.${DOMAIN}`, ':8443', '[::1]', '..', 'https://', '*', '\n'],
    ...[
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      'Connection: upgrade',
      'Connection: x-secret',
      'Upgrade: websocket',
    ],
    ...[
      'Cookie: __Host-postern',
      'Authorization: ',
      'X-Forwarded-For: ',
      'Forwarded: ',
      'TE: trailers',
      'Expect: 100-continue',
    ],
  ),
  run(input) {
    const [flags = 0] = input;
    const [url = '', ...lines] = input.subarray(1).toString('latin1').split('\n');
    const fields = lines.map((line) => line.split(/: ?(.*)/s) as [string, string?]);
    const rawHeaders = fields.flatMap(([name, value = '']) => [name, value.trim()]);
    // Nothing else comes out of Node's parser.
    if (!TARGET.test(url) || !fields.every(([name, value = '']) => TOKEN.test(name) && FIELD.test(value))) return;
    const method = METHODS[flags % METHODS.length] as string;
    const read = outcome(['request-ambiguous'], () => {
      const host = readHost(rawHeaders);
      return { host, target: readTarget(url, method, host), upload: readUpload(rawHeaders, (flags & 8) === 0) };
    });
    if ('code' in read) return;
    const place = placeOf(read.result.host, normalDomain(DOMAIN));
    if (place.kind === 'name') assert.match(place.label, /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
    assert.ok(read.result.target.startsWith('/') || read.result.target === '*');
    writesOneHead(rawHeaders, method, read.result, flags);
  },
};

type Understood = Pick<Parameters<typeof requestHead>[0], 'target' | 'upload'>;

function writesOneHead(
  rawHeaders: string[],
  method: string,
  { target: path, upload }: Understood,
  flags: number,
): void {
  const authorization = (flags & 16) === 0 ? undefined : 'token secret';
  const head = requestHead({
    ...{ method, target: path, rawHeaders, upload, authorization, origin: 'X-Forwarded-Host: h\r\n' },
    upgrade: (flags & 32) === 0 ? undefined : 'websocket',
    dropAuthorization: (flags & 64) !== 0,
  });
  assert.ok(head.endsWith('\r\n\r\n'));
  assert.equal(head.indexOf('\r\n\r\n'), head.length - 4, 'the head ends once');
  const [first = '', ...rest] = head.slice(0, -4).split('\r\n');
  assert.equal(first, `${method} ${path} HTTP/1.1`);
  const names = rest.map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
  for (const name of ['content-length', 'transfer-encoding', 'host', 'connection'])
    assert.ok(names.filter((one) => one === name).length <= 1, `${name} twice`);
  if (authorization !== undefined || (flags & 64) !== 0)
    assert.ok(names.filter((one) => one === 'authorization').length <= 1, 'authorization twice');
  for (const line of rest.filter((_, index) => names[index] === 'cookie'))
    assert.ok(
      !/(?:^cookie:|;)\s*__Host-postern(?:-[^=;]*)?=/i.test(line),
      "the visitor's session reaches the notebook",
    );
}
