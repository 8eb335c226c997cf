// What the apex host itself answers to visitors: one small page, and nothing else.

import { PosternError } from '../../shared/errors.ts';
import { TUNNEL_PATH } from '../../shared/wire/handshake.ts';
import { escapeHtml } from './page.ts';
import { ownPage, type Answer } from './refusal.ts';
import type { FrontVisit } from './visit.ts';

/** Throws PosternError `page-unknown` or `method-refused`. */
export function apexPage(visit: FrontVisit, target: string, domain: string): Answer {
  const path = target.split('?', 1)[0];
  if (path === TUNNEL_PATH) throw new PosternError('page-unknown', 'agents reach this address by a WebSocket upgrade');
  if (path !== '/') throw new PosternError('page-unknown');
  const { method } = visit;
  if (method !== 'GET' && method !== 'HEAD') throw new PosternError('method-refused', `${method} on a page`);
  const main =
    `<h1>postern</h1><p>This is a bastion for notebooks that run on worker nodes.</p>` +
    `<p>Each notebook has an address of its own, <code>NAME.${escapeHtml(domain)}</code>: ` +
    `open it with the link that its agent printed.</p>`;
  return ownPage('postern', main, visit.requestId);
}
