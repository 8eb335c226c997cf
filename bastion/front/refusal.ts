// Errors that explain themselves: the page or the problem document that a visitor gets for each code of the table.

import { STATUS_CODES } from 'node:http';

import { toProblem, type PosternError } from '../../shared/errors.ts';
import { escapeHtml, pageHeaders, renderPage } from './page.ts';
import { CODE_HEADER, REQUEST_ID_HEADER, RETRY_SCRIPT, SIGN_IN_SCRIPT } from './page-scripts.ts';

/** Seconds that Retry-After asks for, and after which a browser without scripts tries again. */
const RETRY_SECONDS = 3;

/** What a refusal answers to. */
export interface Refused {
  readonly method: string;
  readonly accept: string | undefined;
  readonly requestId: string;
  /** Where the visitor can sign in, or sign in as somebody else; undefined where nobody can. */
  readonly signIn?: ((again: boolean) => string) | undefined;
}

export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, Content-Length among them. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** Renders an error for a visitor: HTML for who asks for it, a problem document for everybody else. */
export function refusal(error: PosternError, refused: Refused): Answer {
  const { code, status } = error.entry;
  const page = prefersHtml(refused.accept) ? htmlPage(error, refused) : undefined;
  const body = Buffer.from(page?.text ?? problemText(error, refused.requestId));
  const headers = page === undefined ? ['Content-Type', 'application/problem+json'] : pageHeaders(page.script);
  headers.push(CODE_HEADER, code, REQUEST_ID_HEADER, refused.requestId, 'Vary', 'Accept');
  if (status === 503) headers.push('Retry-After', String(RETRY_SECONDS));
  if (status === 401) headers.push('WWW-Authenticate', 'Bearer realm="postern"');
  if (status === 405) headers.push('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  headers.push(...commonHeaders(body));
  return { status, reason: STATUS_CODES[status] ?? '', headers, body };
}

/** A page that is no refusal; `script` is one of the constants. */
export function ownPage(title: string, main: string, requestId: string, script?: string): Answer {
  const body = Buffer.from(renderPage({ title, main, script }));
  const headers = [...pageHeaders(script), 'Vary', 'Accept', REQUEST_ID_HEADER, requestId, ...commonHeaders(body)];
  return { status: 200, reason: 'OK', headers, body };
}

export function jsonAnswer(json: object, requestId: string, status = 200): Answer {
  const body = Buffer.from(JSON.stringify(json));
  const headers = ['Content-Type', 'application/json', 'Vary', 'Accept', REQUEST_ID_HEADER, requestId];
  return { status, reason: STATUS_CODES[status] ?? '', headers: [...headers, ...commonHeaders(body)], body };
}

/** One of the constant scripts, for pages that are not ours. */
export function scriptAnswer(script: string, requestId: string): Answer {
  const body = Buffer.from(script);
  const headers = ['Content-Type', 'text/javascript; charset=utf-8', REQUEST_ID_HEADER, requestId];
  return { status: 200, reason: 'OK', headers: [...headers, ...commonHeaders(body)], body };
}

/** An answer as bytes for a socket that no HTTP server writes to any more; the connection closes behind it. */
export function rawAnswer(answer: Answer): Buffer {
  let head = `HTTP/1.1 ${answer.status} ${answer.reason}\r\n`;
  for (let index = 0; index < answer.headers.length; index += 2)
    head += `${answer.headers[index]}: ${answer.headers[index + 1]}\r\n`;
  head += `Date: ${new Date().toUTCString()}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), answer.body]);
}

function commonHeaders(body: Buffer): string[] {
  return ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff', 'Content-Length', String(body.length)];
}

function problemText(error: PosternError, requestId: string): string {
  const { detail, ...problem } = toProblem(error);
  return JSON.stringify({ ...problem, ...(mayShow(error) && detail !== undefined ? { detail } : {}), requestId });
}

/** The text of an unforeseen error may tell of the inside of the bastion: it is for the log. */
function mayShow(error: PosternError): boolean {
  return error.code !== 'internal';
}

function htmlPage(error: PosternError, refused: Refused): { text: string; script: string | undefined } {
  const { code, wire, status, title, advice } = error.entry;
  const loads = refused.method === 'GET' || refused.method === 'HEAD';
  const waits = loads && status === 503;
  const script = waits ? RETRY_SCRIPT : loads && code === 'sign-in-needed' ? SIGN_IN_SCRIPT : undefined;
  const detail =
    mayShow(error) && error.detail !== undefined ? `<p class="detail">${escapeHtml(error.detail)}</p>` : '';
  const notice =
    script === undefined ? '' : `<p class="wait" role="status">${waits ? 'Trying again by itself.' : ''}</p>`;
  const main =
    `<h1 data-code="${code}">${escapeHtml(title)}</h1>${detail}<p>${escapeHtml(advice)}</p>${signInPart(error, refused)}${notice}` +
    `<dl><dt>Code</dt><dd>${code} (${wire})</dd><dt>Status</dt><dd>${status}</dd>` +
    `<dt>Request</dt><dd>${escapeHtml(refused.requestId)}</dd></dl>`;
  return { text: renderPage({ title, main, script, refresh: waits ? RETRY_SECONDS : undefined }), script };
}

function signInPart({ entry: { code } }: PosternError, { signIn, method }: Refused): string {
  if (signIn === undefined || method !== 'GET') return '';
  if (code === 'sign-in-needed') return `<p><a data-sign-in href="${escapeHtml(signIn(false))}">Sign in</a></p>`;
  if (code !== 'not-yours' && code !== 'owner-only') return '';
  return `<p><a href="${escapeHtml(signIn(true))}">Sign in as somebody else</a></p>`;
}

/** HTML only for who names it, and no less than JSON: scripts that say nothing, or anything at all, get the document. */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const html = Math.max(quality(accept, 'text/html'), quality(accept, 'application/xhtml+xml'));
  const json = Math.max(quality(accept, 'application/json'), quality(accept, 'application/problem+json'));
  return html > 0 && html >= json;
}

function quality(accept: string, type: string): number {
  for (const range of accept.toLowerCase().split(',')) {
    const [name, ...parameters] = range.split(';').map((part) => part.trim());
    if (name !== type) continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
  }
  return 0;
}
