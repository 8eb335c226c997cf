// Arbitrary HTTP responses as bytes: valid ones, and ones that somebody has garbled.

import fc from 'fast-check';

export interface ResponseBytes {
  readonly bytes: Buffer;
  readonly method: 'GET' | 'HEAD';
  /** The response ends by the end of the connection. */
  readonly end: boolean;
}

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,12}$/);
const value = fc.stringMatching(/^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,30}[\x21-\x7e\x80-\xff])?)?$/);
const RESERVED = /^(?:content-length|transfer-encoding|connection|keep-alive|upgrade|trailer|te)$/i;
const fields = fc.array(
  fc.tuple(
    token.filter((name) => !RESERVED.test(name)),
    value,
    fc.constantFrom('', ' ', '\t ', '  '),
  ),
  { maxLength: 6 },
);
const body = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

const fieldText = (list: [string, string, string][]): string =>
  list.map(([name, text, blank]) => `${name}:${blank}${text}${blank}\r\n`).join('');

const chunked = fc
  .tuple(
    fc.array(
      body.filter((part) => part.length > 0),
      { maxLength: 5 },
    ),
    fc.constantFrom('', ';a', ';a=b', ';a="b c"'),
    fields,
  )
  .map(([parts, extension, trailers]) => {
    const chunks = parts.map((part) => `${part.length.toString(16)}${extension}\r\n${part}\r\n`).join('');
    return { framing: 'Transfer-Encoding: chunked\r\n', body: `${chunks}0\r\n${fieldText(trailers)}\r\n`, end: false };
  });
const counted = body.map((text) => ({ framing: `Content-Length: ${text.length}\r\n`, body: text, end: false }));
const closing = body.map((text) => ({ framing: '', body: text, end: true }));

const interim = fc
  .tuple(fc.constantFrom(100, 102, 103), fields)
  .map(([status, list]) => `HTTP/1.1 ${status} Wait\r\n${fieldText(list)}\r\n`);

/** A valid response with everything that a strict reader takes. */
export function responseBytes(): fc.Arbitrary<ResponseBytes> {
  return fc
    .tuple(
      fc.array(interim, { maxLength: 3 }),
      fc.constantFrom(200, 201, 206, 404, 500, 204, 304),
      fc.constantFrom('GET', 'HEAD'),
      fields,
      fc.oneof(chunked, counted, closing),
    )
    .map(([before, status, method, list, content]) => {
      const bare = method === 'HEAD' || status === 204 || status === 304;
      const framing = status === 204 ? '' : content.framing;
      const text = `${before.join('')}HTTP/1.1 ${status} Reason\r\n${fieldText(list)}${framing}\r\n${bare ? '' : content.body}`;
      return { bytes: Buffer.from(text, 'latin1'), method, end: !bare && content.end };
    });
}

const SPITE = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  ':',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'ffffffff',
  ';',
  '0',
];

/** A valid response with pieces cut out, doubled, or put in where they don't belong. */
export function garbled(): fc.Arbitrary<Buffer> {
  const edit = fc.tuple(fc.nat(), fc.nat({ max: 6 }), fc.constantFrom(...SPITE, ''));
  return fc.tuple(responseBytes(), fc.array(edit, { minLength: 1, maxLength: 4 })).map(([{ bytes }, edits]) => {
    let text = bytes.toString('latin1');
    for (const [at, remove, put] of edits) {
      const position = at % (text.length + 1);
      text = text.slice(0, position) + put + text.slice(position + remove);
    }
    return Buffer.from(text, 'latin1');
  });
}
