// A notice in the notebook's own pages: one script element behind the end of an HTML document, where that is safe; pure.

import type { ResponseHead } from './response-head.ts';

/** Where the script is served, on every name's host. */
export const NOTICE_PATH = '/_postern/notice.js';
/** Browsers run what follows the end of the document, and nothing in it needs to be understood or held back for that. */
export const NOTICE = Buffer.from(`\n<script src="${NOTICE_PATH}" async></script>\n`);

/** True for a request that a browser makes to show a page of its own, as a whole. */
export function showsPage(method: string, headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  return (
    method === 'GET' &&
    headers['sec-fetch-dest'] === 'document' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['range'] === undefined
  );
}

/** The head of the page with the notice, or undefined for an answer that must stay as it is. */
export function withNotice(head: ResponseHead): ResponseHead | undefined {
  if (head.status !== 200 || head.framing === 'none') return undefined;
  if (head.framing === 'length' && head.length === 0) return undefined;
  const rawHeaders: string[] = [];
  let html = false;
  for (let index = 0; index < head.rawHeaders.length; index += 2) {
    const name = head.rawHeaders[index] as string;
    const value = head.rawHeaders[index + 1] as string;
    const fate = fateOf(name.toLowerCase(), value);
    if (fate === 'forbidden') return undefined;
    if (fate === 'dropped') continue;
    html ||= fate === 'html';
    rawHeaders.push(name, changed(name.toLowerCase(), value, head));
  }
  if (!html) return undefined;
  const length = head.framing === 'length' ? head.length + NOTICE.length : head.length;
  return { ...head, rawHeaders, length };
}

function fateOf(name: string, value: string): 'forbidden' | 'dropped' | 'html' | 'kept' {
  switch (name) {
    case 'content-type':
      return isPlainHtml(value) ? 'html' : 'forbidden';
    case 'content-encoding':
      return value.trim().toLowerCase() === 'identity' ? 'kept' : 'forbidden';
    case 'content-security-policy':
      return policyAllows(value) ? 'kept' : 'forbidden';
    case 'cache-control':
      return /\bno-transform\b/i.test(value) ? 'forbidden' : 'kept';
    case 'content-disposition':
      return /^\s*inline\b/i.test(value) ? 'kept' : 'forbidden';
    case 'content-digest':
    case 'repr-digest':
    case 'digest':
    case 'content-md5':
    case 'content-range':
    case 'signature':
      return 'forbidden';
    // Parts of it could not be put together with parts of the original.
    case 'accept-ranges':
      return 'dropped';
    default:
      return 'kept';
  }
}

/** HTML whose characters below 128 are single bytes. */
function isPlainHtml(value: string): boolean {
  const [type, ...parameters] = value
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  if (type !== 'text/html') return false;
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  return charset === undefined || /^charset="?(?:utf-8|us-ascii|iso-8859-\d+|windows-125\d)"?$/.test(charset);
}

/** Every policy has to let a script of this very host run and ask it; anything unusual is a no. */
function policyAllows(value: string): boolean {
  return value.split(',').every((policy) => {
    const directives = new Map(
      policy
        .toLowerCase()
        .split(';')
        .map((part) => part.trim().split(/\s+/))
        .map(([name = '', ...sources]) => [name, sources] as const),
    );
    if (directives.has('sandbox') || directives.has('require-sri-for')) return false;
    const of = (...names: string[]): readonly string[] | undefined =>
      names.map((name) => directives.get(name)).find((sources) => sources !== undefined);
    const scripts = of('script-src-elem', 'script-src', 'default-src');
    const connections = of('connect-src', 'default-src');
    return allowsSelf(scripts) && allowsSelf(connections);
  });
}

function allowsSelf(sources: readonly string[] | undefined): boolean {
  if (sources === undefined) return true;
  if (sources.includes("'strict-dynamic'")) return false;
  return sources.some((source) => source === "'self'" || source === '*' || source === 'https:');
}

function changed(name: string, value: string, head: ResponseHead): string {
  if (name === 'content-length') return String(head.length + NOTICE.length);
  // It stands for the same page, not for the same bytes.
  if (name === 'etag') return value.startsWith('W/') ? value : `W/${value}`;
  return value;
}
