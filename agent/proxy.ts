// Which proxy the agent takes to a bastion: what --proxy says, else the environment's variables with their exceptions; pure.

import { BlockList, isIP } from 'node:net';

import { PosternError } from '../shared/errors.ts';
import { isLoopbackName } from '../shared/net/resolve.ts';

export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** https://: TLS to the proxy itself. */
  readonly secure: boolean;
  /** `USER:PASSWORD` of the environment's URL. */
  readonly credentials: string | undefined;
  /** As a URL without credentials, for logs. */
  readonly label: string;
}

/** Lower case first, as curl has it; what is empty counts as not set. */
const VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;
const EXCEPTIONS = ['no_proxy', 'NO_PROXY'] as const;

/** What --proxy says to take no proxy whatever the environment says. */
export const NO_PROXY_AT_ALL = 'none';

const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 } as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for this bastion (`https://HOST[:PORT]`), or undefined for a direct connection. NO_PROXY makes exceptions from
 * the variables, not from the option. Throws `options-invalid` for a variable that can't be used, without repeating it.
 */
export function proxyFor(bastion: string, option: string | undefined, env: Environment): Proxy | undefined {
  if (option === NO_PROXY_AT_ALL) return undefined;
  if (option !== undefined) return readProxy(option, '--proxy');
  const variable = VARIABLES.find((name) => (env[name] ?? '') !== '');
  if (variable === undefined) return undefined;
  const { hostname, port } = new URL(bastion);
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const exceptions = EXCEPTIONS.map((name) => env[name] ?? '').find((text) => text !== '') ?? '';
  if (isLoopback(host) || isExcepted({ host, port: port === '' ? '443' : port }, exceptions)) return undefined;
  return readProxy(env[variable] as string, variable);
}

/** What is wrong with --proxy, or undefined. */
export function proxyProblem(text: string): string | undefined {
  if (text === NO_PROXY_AT_ALL) return undefined;
  try {
    const { credentials } = readProxy(text, 'it');
    return credentials === undefined
      ? undefined
      : 'must not hold credentials, which everybody on the node could read; see --proxy-credentials-file';
  } catch (error) {
    return (error as PosternError).detail;
  }
}

function readProxy(text: string, where: string): Proxy {
  // Without a scheme it is an HTTP proxy, as everywhere.
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || url.hostname === '' || !['', '/'].includes(url.pathname))
    throw invalid(where, 'is not http://HOST:PORT or https://HOST:PORT');
  const scheme = url.protocol;
  if (scheme !== 'http:' && scheme !== 'https:')
    throw invalid(where, `names a ${scheme.slice(0, 20)}// proxy; only http:// and https:// (CONNECT) can be used`);
  const secure = scheme === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port === '' ? DEFAULT_PORTS[scheme] : url.port);
  return { host, port, secure, credentials: credentialsOf(url, where), label: `${scheme}//${url.hostname}:${port}` };
}

function credentialsOf(url: URL, where: string): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  try {
    return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  } catch {
    throw invalid(where, 'holds credentials with a % that is no escape; write %25 for it');
  }
}

function isLoopback(host: string): boolean {
  return isLoopbackName(host) || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** `*`, `example.org` and `.example.org` (both with everything below), `HOST:PORT`, addresses and networks (`10.0.0.0/8`). */
function isExcepted({ host, port }: { host: string; port: string }, exceptions: string): boolean {
  return exceptions
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      if (isIP(host) !== 0) return matchesAddress(host, port, entry);
      const [, name, only] = /^(?:\*?\.)?([^:/]+?)\.?(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
      if (name === undefined || (only !== undefined && only !== port)) return false;
      return host === name || host.endsWith(`.${name}`);
    });
}

function matchesAddress(host: string, port: string, entry: string): boolean {
  const [, six, four, bits, only] =
    /^(?:\[?([0-9A-Fa-f:]*:[0-9A-Fa-f:.]*?)\]?|(\d+(?:\.\d+){3}))(?:\/(\d{1,3}))?(?::(\d+))?$/.exec(entry) ?? [];
  const address = six ?? four ?? '';
  const family = familyOf(address);
  const longest = family === 'ipv6' ? 128 : 32;
  const length = Number(bits ?? longest);
  if (isIP(address) === 0 || (only ?? port) !== port || length > longest) return false;
  const network = new BlockList();
  network.addSubnet(address, length, family);
  return network.check(host, familyOf(host));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function invalid(where: string, problem: string): PosternError {
  return new PosternError('options-invalid', where === 'it' ? problem : `${where} ${problem}`);
}
