// Reads what --to says into an upstream's address; pure.

import { PosternError } from '../../shared/errors.ts';

export type Target =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tcp' | 'tls';
      /** What is dialled: a literal address or a host name, without brackets. */
      readonly host: string;
      /** What was written, and what a certificate has to be for. */
      readonly name: string;
      readonly port: number;
      /** The agent's own machine: the listening socket's owner can and must be checked. */
      readonly loopback: boolean;
    };

/** Longest path that fits a sockaddr_un with its closing zero byte. */
export const LONGEST_SOCKET_PATH = 107;

/** `http://HOST:PORT`, `https://HOST[:PORT]` or `unix:/PATH`; throws `options-invalid` saying what is wrong. */
export function parseTarget(text: string): Target {
  if (text.startsWith('unix:')) return unixTarget(text.slice('unix:'.length));
  const [, scheme, host, port] =
    /^(https?):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  if (scheme === undefined || host === undefined)
    throw invalid(text, 'must be http://HOST:PORT, https://HOST:PORT or unix:/PATH, and nothing after that');
  const kind = scheme === 'https' ? 'tls' : 'tcp';
  const number = port === undefined ? (kind === 'tls' ? 443 : 80) : Number(port);
  if (number < 1 || number > 65_535) throw invalid(text, 'has a port outside 1 to 65535');
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  // A notebook is dialled by address: "localhost" might lead to ::1 first, where somebody else may listen.
  const address = /^(?:.+\.)?localhost\.?$/.test(name) ? '127.0.0.1' : name;
  return { kind, host: address, name, port: number, loopback: isLoopback(address) };
}

/** A target as --to writes it; for logs and pages. */
export function targetLabel(target: Target): string {
  if (target.kind === 'unix') return `unix:${target.path}`;
  const host = target.name.includes(':') ? `[${target.name}]` : target.name;
  return `${target.kind === 'tls' ? 'https' : 'http'}://${host}:${target.port}`;
}

function unixTarget(path: string): Target {
  if (!path.startsWith('/') || path.includes('\0')) throw invalid(`unix:${path}`, 'needs an absolute path');
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    throw invalid(`unix:${path}`, `is longer than the ${LONGEST_SOCKET_PATH} bytes that a socket's path may have`);
  return { kind: 'unix', path };
}

function isLoopback(address: string): boolean {
  // Only the plain spellings: 127.1 or ::ffff:7f00:1 count as another machine's, which must be allowed explicitly.
  return address === '::1' || /^127(?:\.\d{1,3}){3}$/.test(address);
}

function invalid(text: string, problem: string): PosternError {
  return new PosternError('options-invalid', `${text} ${problem}`);
}
