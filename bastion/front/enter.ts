// POST /_postern/enter: exchanges the one-time secret of a link for the visitor's session on this host.

import type { IncomingHttpHeaders } from 'node:http';

import { PosternError } from '../../shared/errors.ts';
import { originOf } from './hostname.ts';
import { readSmallBody } from './small-body.ts';
import { ENTER_PATH, REQUEST_ID_HEADER } from './page-scripts.ts';
import type { FrontVisit } from './visit.ts';

const MAX_BODY = 1024;

/**
 * Answers a request below `/_postern/` of a name's host. `spend` gives the Set-Cookie value for a secret. Throws
 * PosternError page-unknown, method-refused, cross-site; what is wrong later becomes the visitor's page.
 */
export function enter(visit: FrontVisit, target: string, spend: (secret: string) => string): void {
  const { method, headers } = visit;
  if (target !== ENTER_PATH || visit.upgrade) throw new PosternError('page-unknown');
  if (method !== 'POST') throw new PosternError('method-refused', `${method} where only POST is served`);
  refuseForeign(headers);
  readSmallBody(visit.body, MAX_BODY)
    .then((body) => {
      if (visit.over) return;
      const cookie = spend(readSecret(body));
      const plain = ['Cache-Control', 'no-store', REQUEST_ID_HEADER, visit.requestId];
      const answer = { status: 204, reason: 'No Content', headers: ['Set-Cookie', cookie, ...plain] };
      visit.answer({ ...answer, body: Buffer.alloc(0) });
    })
    .catch((error: unknown) => visit.failed(error));
}

/** Only our own page on this very host may ask, and a form of another site can't even send this type of body. */
function refuseForeign(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site'];
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (headers.origin !== originOf(headers.host ?? '')) throw new PosternError('cross-site', 'another Origin');
  if (site !== undefined && site !== 'same-origin') throw new PosternError('cross-site', 'Sec-Fetch-Site');
  if (type !== 'application/json') throw new PosternError('cross-site', 'a body that is not JSON');
}

function readSecret(body: string): string {
  try {
    const json = JSON.parse(body) as { secret?: unknown } | null;
    if (typeof json?.secret === 'string' && json.secret !== '') return json.secret;
  } catch {
    // Said below, without the body: it may hold a secret all the same.
  }
  throw new PosternError('link-spent', 'the body holds no link');
}
