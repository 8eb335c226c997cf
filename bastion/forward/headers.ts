// Request and response heads as they pass the bastion: what is dropped, what is set afresh, what stays byte for byte. Pure.

import { isOwnCookie, withoutOwnCookies } from '../auth/own-cookies.ts';
import { fieldKinds } from './field-kinds.ts';
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
const DROPPED_REQUEST = [
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
];

const DROPPED_RESPONSE = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'upgrade',
  'http2-settings',
  'transfer-encoding',
];

/** Never taken from a trailer section: framing, routing, credentials and cookies decide before a body, not after it. */
const DROPPED_TRAILERS = [
  ...DROPPED_REQUEST,
  'trailer',
  'authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'expect',
];

const INTERNAL = 'postern-';
const FORWARDED = 'x-forwarded-';

const requestKind = fieldKinds({
  dropped: DROPPED_REQUEST,
  prefixes: [INTERNAL, FORWARDED],
  special: ['authorization', 'cookie'],
});
const responseKind = fieldKinds({
  dropped: DROPPED_RESPONSE,
  prefixes: [INTERNAL],
  special: ['content-length', 'set-cookie', 'trailer'],
});
const trailerKind = fieldKinds({ dropped: DROPPED_TRAILERS, prefixes: [INTERNAL, FORWARDED], special: [] });

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
  const named = namedByConnection(raw);
  let text = `${head.method} ${head.target} HTTP/1.1\r\n${head.origin}`;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const kind = requestKind(name);
    if (kind === 'dropped' || named?.has(name.toLowerCase()) === true) continue;
    const value = raw[index + 1] as string;
    const kept = kind === 'passed' ? value : keptSecret(kind, value, head);
    if (kept !== undefined) text += `${name}: ${kept}\r\n`;
  }
  if (head.authorization !== undefined) text += `Authorization: ${head.authorization}\r\n`;
  return `${text}${connectionLines(head)}${framingLine(head)}\r\n`;
}

/** What the notebook may see of the fields by which visitors prove who they are. */
function keptSecret(kind: 'authorization' | 'cookie', value: string, head: RequestHead): string | undefined {
  if (kind === 'cookie') return withoutOwnCookies(value);
  return head.dropAuthorization || head.authorization !== undefined ? undefined : value;
}

function connectionLines(head: RequestHead): string {
  if (head.upgrade !== undefined) return `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  return wantsTrailers(head.rawHeaders) ? 'TE: trailers\r\nConnection: TE\r\n' : '';
}

function framingLine(head: RequestHead): string {
  if (head.upload === 'chunked') return 'Transfer-Encoding: chunked\r\n';
  if (head.upload !== 'none') return `Content-Length: ${head.upload}\r\n`;
  const expectsOne = head.method === 'POST' || head.method === 'PUT' || head.method === 'PATCH';
  return expectsOne ? 'Content-Length: 0\r\n' : '';
}

function wantsTrailers(raw: readonly string[]): boolean {
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name.length !== 2 || name.toLowerCase() !== 'te') continue;
    const codings = (raw[index + 1] as string).toLowerCase().split(',');
    if (codings.some((coding) => coding.trim() === 'trailers')) return true;
  }
  return false;
}

/** The header names that Connection declares to concern this hop only. */
function namedByConnection(raw: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const value = (raw[index + 1] as string).toLowerCase();
    if (value === 'keep-alive' || value === 'close' || value === 'upgrade') continue;
    names ??= new Set();
    for (const option of value.split(',')) names.add(option.trim());
  }
  return names;
}

/** The response's fields towards the visitor who asked `host` (without port, lower case); `mayTrail`: trailers can follow. */
export function responseHeaders(head: ResponseHead, host: string, mayTrail: boolean): string[] {
  const raw = head.rawHeaders;
  const named = namedByConnection(raw);
  const kept: string[] = [];
  // 1xx and 204 state no length, and two equal ones become one.
  let mayMeasure = head.status >= 200 && head.status !== 204;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    const kind = responseKind(name);
    if (kind === 'content-length') {
      if (mayMeasure) kept.push(name, value);
      mayMeasure = false;
    } else if (kind === 'dropped' || named?.has(name.toLowerCase()) === true) continue;
    else if (kind === 'set-cookie') pushDefined(kept, name, ownHostCookie(value, host));
    else if (kind === 'passed' || mayTrail) kept.push(name, value);
  }
  return kept;
}

function pushDefined(kept: string[], name: string, value: string | undefined): void {
  if (value !== undefined) kept.push(name, value);
}

/** Trailer fields that may pass, in either direction. */
export function passingTrailers(raw: readonly string[]): readonly string[] {
  if (raw.length === 0) return raw;
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (trailerKind(name) === 'passed') kept.push(name, raw[index + 1] as string);
  }
  return kept;
}

/**
 * A Set-Cookie that stays with this host: a Domain that covers the neighbours too is taken out, and our own cookies are
 * not the notebook's to set (undefined: drop the header).
 */
function ownHostCookie(value: string, host: string): string | undefined {
  const end = value.indexOf(';');
  const pair = (end < 0 ? value : value.slice(0, end)).trim();
  // A cookie without a name is sent as its bare value, which could look like ours.
  const name = pair.replace(/^[=\s]+/, '').split('=', 1)[0] as string;
  if (isOwnCookie(name)) return undefined;
  if (end < 0 || !/;\s*domain\s*=/i.test(value)) return value;
  const parts = value.split(';');
  return parts.filter((part, index) => index === 0 || !coversNeighbours(part, host)).join(';');
}

function coversNeighbours(attribute: string, host: string): boolean {
  const match = /^\s*domain\s*=\s*\.?(.*?)\s*$/i.exec(attribute);
  const domain = match?.[1]?.toLowerCase();
  return domain !== undefined && domain !== host && (domain === '' || host.endsWith(`.${domain}`));
}
