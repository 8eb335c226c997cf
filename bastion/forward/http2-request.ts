// What an HTTP/2 request says, as HTTP/1.1 would say it: refusing whatever could be read in two ways once it is lines of text. Pure.

import { PosternError } from '../../shared/errors.ts';
import type { Upload } from './headers.ts';

/** A request's header section, taken apart (RFC 9113 §8.3, RFC 8441 §4). */
export interface Http2Request {
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  /** The protocol of an extended CONNECT. */
  readonly protocol: string | undefined;
  /** The regular fields but Host, as they came; cookie crumbs are one field again. */
  readonly rawHeaders: readonly string[];
  readonly upload: Upload;
}

export interface Http2Limits {
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LOWER_TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** Anything but visible characters, octets above ASCII, and blanks inside; blanks around a value are no part of one. */
const NOT_A_VALUE = /[^\t\x20-\x7e\x80-\xff]|^[\t ]|[\t ]$/;
const NOT_IN_A_TARGET = /[^\x21-\x7e\x80-\xff]|#/;
const LENGTH = /^[0-9]{1,15}$/;

/** They say how one connection of HTTP/1.1 is used, and have no place in HTTP/2 (RFC 9113 §8.2.2). */
const CONNECTION_SPECIFIC = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

const PSEUDO = [':method', ':scheme', ':authority', ':path', ':protocol'] as const;
type Pseudo = Partial<Record<(typeof PSEUDO)[number], string>>;

/** What the fields add up to while they are read. */
interface Reading {
  readonly pseudo: Pseudo;
  readonly kept: string[];
  readonly cookies: string[];
  host: string | undefined;
  length: number | undefined;
  bytes: number;
}

/**
 * `raw`: names and values in turn, pseudo-header fields included; `ended`: no body follows. Throws PosternError
 * `request-ambiguous`, `header-too-large` or `method-refused`.
 */
export function readHttp2Request(raw: readonly string[], ended: boolean, limits: Http2Limits): Http2Request {
  if (raw.length > 2 * limits.maxHeaders) throw new PosternError('header-too-large', 'too many header fields');
  const reading: Reading = { pseudo: {}, kept: [], cookies: [], host: undefined, length: undefined, bytes: 0 };
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    reading.bytes += name.length + value.length + 4;
    if (NOT_A_VALUE.test(value)) throw ambiguous(`a value of ${printable(name)} that HTTP/1.1 can't carry`);
    if (name.charCodeAt(0) === COLON) readPseudo(name, value, reading);
    else readField(name, value, reading);
  }
  if (reading.bytes > limits.maxHeaderBytes) throw new PosternError('header-too-large');
  if (reading.cookies.length > 0) reading.kept.push('cookie', reading.cookies.join('; '));
  return { ...readPseudos(reading), rawHeaders: reading.kept, upload: readUpload(reading, ended) };
}

const COLON = 58;

function readPseudo(name: string, value: string, { pseudo, kept, cookies, host }: Reading): void {
  const known = PSEUDO.find((each) => each === name);
  if (known === undefined) throw ambiguous('an unknown pseudo-header field');
  if (pseudo[known] !== undefined) throw ambiguous(`two ${name}`);
  if (kept.length > 0 || cookies.length > 0 || host !== undefined) throw ambiguous(`${name} behind a regular field`);
  pseudo[known] = value;
}

function readField(name: string, value: string, reading: Reading): void {
  if (!LOWER_TOKEN.test(name)) throw ambiguous('a field name that is no token in lower case');
  if (CONNECTION_SPECIFIC.has(name)) throw ambiguous(`${name} in HTTP/2`);
  if (name === 'te' && value.toLowerCase() !== 'trailers') throw ambiguous('TE other than trailers in HTTP/2');
  if (name === 'cookie') return void reading.cookies.push(value);
  if (name === 'host') {
    if (reading.host !== undefined) throw ambiguous('two Host headers');
    reading.host = value;
    return;
  }
  if (name === 'content-length') {
    if (reading.length !== undefined || !LENGTH.test(value)) throw ambiguous('Content-Length');
    reading.length = Number(value);
  }
  reading.kept.push(name, value);
}

function readPseudos({ pseudo, host, length }: Reading): Omit<Http2Request, 'rawHeaders' | 'upload'> {
  const { ':method': method, ':path': target, ':scheme': scheme, ':protocol': protocol } = pseudo;
  if (method === undefined || !TOKEN.test(method)) throw ambiguous(':method');
  if (method === 'CONNECT' && protocol === undefined) throw new PosternError('method-refused', 'CONNECT');
  if (protocol !== undefined && (method !== 'CONNECT' || length !== undefined)) throw ambiguous(':protocol');
  if (scheme === undefined || scheme.toLowerCase() !== 'https') throw ambiguous(':scheme');
  if (target === undefined || !isTarget(target, method)) throw ambiguous(':path');
  return { method, target, protocol, authority: readAuthority(pseudo[':authority'], host) };
}

function isTarget(target: string, method: string): boolean {
  if (target === '*') return method === 'OPTIONS';
  return target.startsWith('/') && !NOT_IN_A_TARGET.test(target);
}

function readAuthority(authority: string | undefined, host: string | undefined): string {
  const asked = authority ?? host;
  if (asked === undefined) throw ambiguous('neither :authority nor Host');
  if (host !== undefined && host.toLowerCase() !== asked.toLowerCase())
    throw ambiguous('Host beside another :authority');
  return asked;
}

function readUpload({ pseudo, length }: Reading, ended: boolean): Upload {
  // What follows an extended CONNECT is the other protocol, and no body.
  if (pseudo[':protocol'] !== undefined) {
    if (ended) throw ambiguous('an extended CONNECT that has ended');
    return 'none';
  }
  if (!ended) return length ?? 'chunked';
  if (length !== undefined && length > 0) throw ambiguous('Content-Length without a body');
  return length ?? 'none';
}

function ambiguous(what: string): PosternError {
  return new PosternError('request-ambiguous', what);
}

function printable(name: string): string {
  return TOKEN.test(name.replace(/^:/, '')) ? name : 'a field';
}
