// What a visitor's request says of its body, its host and its target, refusing whatever two readers could read differently. Pure.

import { PosternError } from '../../shared/errors.ts';
import type { Upload } from './headers.ts';

/** The body that the framing fields announce; throws PosternError `request-ambiguous`. */
export function readUpload(rawHeaders: readonly string[], modern: boolean): Upload {
  let length: number | undefined;
  let coded = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    if (isNamed(name, 'content-length')) {
      if (length !== undefined || !/^[0-9]{1,15}$/.test(value)) throw ambiguous('Content-Length');
      length = Number(value);
    } else if (isNamed(name, 'transfer-encoding')) {
      if (coded || !modern || value.toLowerCase() !== 'chunked') throw ambiguous('Transfer-Encoding');
      coded = true;
    }
  }
  if (!coded) return length ?? 'none';
  if (length !== undefined) throw ambiguous('Content-Length beside Transfer-Encoding');
  return 'chunked';
}

/** Most names differ in length already, and are never made lower-case. */
function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && name.toLowerCase() === lower;
}

function ambiguous(what: string): PosternError {
  return new PosternError('request-ambiguous', what);
}

/** The one Host of a request; throws PosternError `request-ambiguous` when there are several or none. */
export function readHost(rawHeaders: readonly string[]): string {
  let host: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!isNamed(name, 'host')) continue;
    if (host !== undefined) throw ambiguous('two Host headers');
    host = rawHeaders[index + 1] as string;
  }
  if (host === undefined) throw ambiguous('no Host header');
  return host;
}

/** The path to forward: what came, without the scheme and authority of an absolute form, which must be those of Host. */
export function readTarget(url: string, method: string, host: string): string {
  // What follows a "#" would be a part of the path for one reader and nothing at all for another.
  if (url.includes('#')) throw ambiguous('a request target with a fragment');
  if (url.charCodeAt(0) === 47) return url;
  if (url === '*' && method === 'OPTIONS') return url;
  const absolute = /^https:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (absolute === null) throw ambiguous('a request target that is neither a path nor an https URL');
  if (absolute[1]?.toLowerCase() !== host.toLowerCase()) throw ambiguous('a request target of another host than Host');
  const rest = absolute[2] as string;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** What the bastion decides by, or what only one of two readers would see, comes once. */
const ONCE = new Set(['authorization', 'origin', 'expect', 'sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest']);
const ONCE_LENGTHS = new Set([...ONCE].map((name) => name.length));

/** Throws PosternError `request-ambiguous` when a header comes twice of which two readers could each take another one. */
export function refuseRepeated(rawHeaders: readonly string[]): void {
  let seen: string[] | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!ONCE_LENGTHS.has(name.length)) continue;
    const lower = name.toLowerCase();
    if (!ONCE.has(lower)) continue;
    if (seen?.includes(lower) === true) throw ambiguous(`two ${name} headers`);
    (seen ??= []).push(lower);
  }
}

const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const PROTOCOL = new RegExp(`^${TOKEN}(?:/${TOKEN})?$`);

/** The protocols that an upgrade asks for, as they came; throws PosternError `request-ambiguous` when they can't be read as such. */
export function readUpgrade(value: string | undefined): string {
  if (value === undefined || !value.split(',').every((item) => PROTOCOL.test(item.trim())))
    throw ambiguous('an Upgrade that names no protocol');
  return value;
}
