// Request and response heads as they pass the bastion: what is dropped, what is set afresh, what stays byte for byte. Pure.

import { PosternError } from '../../shared/errors.ts';
import { COOKIE_NAME, withoutOwnCookies } from '../auth/visitor-session.ts';
import type { ResponseHead } from './response-head.ts';

/** Body of a request as its parsed head says it: none, so many bytes, or chunked. */
export type Upload = 'none' | 'chunked' | number;

/** What a visitor's parser made of a request's head, and what became of the visitor. */
export interface RequestHead {
  readonly method: string;
  /** The path and query exactly as they came. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly upload: Upload;
  /** The Upgrade header's value when the request is to be forwarded as an upgrade. */
  readonly upgrade: string | undefined;
  /** The Host line and the lines that `forwardedLines` made. */
  readonly origin: string;
  readonly dropAuthorization: boolean;
  /** Authorization value that the notebook gets from us. */
  readonly authorization: string | undefined;
}

/** Between two neighbours only, or ours to say, or only ever to be believed when it comes from us. */
const DROPPED_REQUEST = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy',
  'te',
  'upgrade',
  'http2-settings',
  'transfer-encoding',
  'content-length',
  'host',
  'forwarded',
  'x-real-ip',
  'x-scheme',
]);

const DROPPED_RESPONSE = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'upgrade',
  'transfer-encoding',
]);

/** Never taken from a trailer section: framing, routing, credentials and cookies decide before a body, not after it. */
const DROPPED_TRAILERS = new Set([
  ...DROPPED_REQUEST,
  'trailer',
  'authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'expect',
]);

const INTERNAL = 'postern-';
const NO_NAMES: ReadonlySet<string> = new Set();

/** The lines that tell the notebook who asked for what: the same for every request of a connection to one host. */
export function forwardedLines(host: string, address: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  return (
    `Host: ${host}\r\nForwarded: for=${node};host="${host}";proto=https\r\n` +
    `X-Forwarded-For: ${address}\r\nX-Forwarded-Host: ${host}\r\nX-Forwarded-Proto: https\r\n`
  );
}

/** The whole head towards the notebook, latin1. */
export function requestHead(head: RequestHead): string {
  const raw = head.rawHeaders;
  let text = `${head.method} ${head.target} HTTP/1.1\r\n${head.origin}`;
  let named: ReadonlySet<string> | undefined;
  let trailers = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const lower = name.toLowerCase();
    const value = raw[index + 1] as string;
    if (lower === 'te') trailers ||= wantsTrailers(value);
    if (DROPPED_REQUEST.has(lower)) continue;
    named ??= namedByConnection(raw);
    if (named.has(lower) || lower.startsWith(INTERNAL) || lower.startsWith('x-forwarded-')) continue;
    if (lower === 'authorization' && (head.dropAuthorization || head.authorization !== undefined)) continue;
    const kept = lower === 'cookie' ? withoutOwnCookies(value) : value;
    if (kept !== undefined) text += `${name}: ${kept}\r\n`;
  }
  if (head.authorization !== undefined) text += `Authorization: ${head.authorization}\r\n`;
  return `${text}${connectionLines(head, trailers)}${framingLine(head)}\r\n`;
}

function connectionLines(head: RequestHead, trailers: boolean): string {
  if (head.upgrade !== undefined) return `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  return trailers ? 'TE: trailers\r\nConnection: TE\r\n' : '';
}

function framingLine(head: RequestHead): string {
  if (head.upload === 'chunked') return 'Transfer-Encoding: chunked\r\n';
  if (head.upload !== 'none') return `Content-Length: ${head.upload}\r\n`;
  const expectsOne = head.method === 'POST' || head.method === 'PUT' || head.method === 'PATCH';
  return expectsOne ? 'Content-Length: 0\r\n' : '';
}

function wantsTrailers(value: string): boolean {
  return value.split(',').some((coding) => coding.trim().toLowerCase() === 'trailers');
}

/** The header names that Connection declares to concern this hop only. */
function namedByConnection(raw: readonly string[]): ReadonlySet<string> {
  let names: Set<string> | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const value = (raw[index + 1] as string).toLowerCase();
    if (value === 'keep-alive' || value === 'close' || value === 'upgrade') continue;
    names ??= new Set();
    for (const option of value.split(',')) names.add(option.trim());
  }
  return names ?? NO_NAMES;
}

/**
 * What the framing fields of a request say, refusing whatever two readers could read differently
 * (throws PosternError `request-ambiguous`).
 */
export function readUpload(rawHeaders: readonly string[], modern: boolean): Upload {
  let length: number | undefined;
  let coded = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined || !/^[0-9]{1,15}$/.test(value)) throw ambiguous('Content-Length');
      length = Number(value);
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (coded || !modern || value.toLowerCase() !== 'chunked') throw ambiguous('Transfer-Encoding');
      coded = true;
    }
  }
  if (coded && length !== undefined) throw ambiguous('Content-Length beside Transfer-Encoding');
  return coded ? 'chunked' : (length ?? 'none');
}

function ambiguous(what: string): PosternError {
  return new PosternError('request-ambiguous', what);
}

/** The one Host of a request; throws PosternError `request-ambiguous` when there are several or none. */
export function readHost(rawHeaders: readonly string[]): string {
  let host: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined) throw ambiguous('two Host headers');
    host = rawHeaders[index + 1] as string;
  }
  if (host === undefined) throw ambiguous('no Host header');
  return host;
}

/** The path to forward: what came, without the scheme and authority of an absolute form, which must be those of Host. */
export function readTarget(url: string, method: string, host: string): string {
  if (url.charCodeAt(0) === 47) return url;
  if (url === '*' && method === 'OPTIONS') return url;
  const absolute = /^https:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (absolute === null) throw ambiguous('a request target that is neither a path nor an https URL');
  if (absolute[1]?.toLowerCase() !== host.toLowerCase()) throw ambiguous('a request target of another host than Host');
  const rest = absolute[2] as string;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The response's fields towards the visitor who asked `host` (without port, lower case). `bodiless`: no length may be stated. */
export function responseHeaders(head: ResponseHead, host: string, mayTrail: boolean): string[] {
  const raw = head.rawHeaders;
  const kept: string[] = [];
  const named = namedByConnection(raw);
  let measured = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    const lower = name.toLowerCase();
    if (DROPPED_RESPONSE.has(lower) || lower.startsWith(INTERNAL)) continue;
    if (lower === 'content-length') {
      // Two equal ones become one; 1xx and 204 state none.
      if (measured || head.status < 200 || head.status === 204) continue;
      measured = true;
    } else if (named.has(lower) || (lower === 'trailer' && !mayTrail)) continue;
    const passed = lower === 'set-cookie' ? ownHostCookie(value, host) : value;
    if (passed !== undefined) kept.push(name, passed);
  }
  return kept;
}

/** Trailer fields that may pass, in either direction. */
export function passingTrailers(raw: readonly string[]): readonly string[] {
  if (raw.length === 0) return raw;
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const lower = name.toLowerCase();
    if (DROPPED_TRAILERS.has(lower) || lower.startsWith(INTERNAL) || lower.startsWith('x-forwarded-')) continue;
    kept.push(name, raw[index + 1] as string);
  }
  return kept;
}

/**
 * A Set-Cookie that stays with this host: a Domain that covers the neighbours too is taken out, and our own cookie is
 * not the notebook's to set (undefined: drop the header).
 */
function ownHostCookie(value: string, host: string): string | undefined {
  const end = value.indexOf(';');
  const pair = (end < 0 ? value : value.slice(0, end)).trim();
  // A cookie without a name is sent as its bare value, which could look like ours.
  const name = pair.replace(/^[=\s]+/, '').split('=', 1)[0] as string;
  if (name.trim().toLowerCase() === COOKIE_NAME.toLowerCase()) return undefined;
  if (end < 0 || !/;\s*domain\s*=/i.test(value)) return value;
  const parts = value.split(';');
  return parts.filter((part, index) => index === 0 || !coversNeighbours(part, host)).join(';');
}

function coversNeighbours(attribute: string, host: string): boolean {
  const match = /^\s*domain\s*=\s*\.?(.*?)\s*$/i.exec(attribute);
  const domain = match?.[1]?.toLowerCase();
  return domain !== undefined && domain !== host && (domain === '' || host.endsWith(`.${domain}`));
}
