// The way through an HTTP proxy: CONNECT (RFC 9110, 9.3.6) over TCP or TLS, and every way in which that can be refused.

import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { PosternError, type ErrorCode } from '../errors.ts';
import { connectionProblem, FAMILY_ATTEMPT_MS, isUntrusted } from './connecting.ts';
import { formatAddress, type Address } from './listen.ts';

export interface ConnectOptions {
  readonly proxy: Address & {
    /** Speak TLS to the proxy itself. */
    readonly secure: boolean;
    /** Authorities for that, in PEM; undefined leaves it to Node. */
    readonly ca?: string | undefined;
  };
  readonly target: Address;
  /** The value of Proxy-Authorization, if the proxy wants one. */
  readonly authorization?: string | undefined;
  readonly lookup: LookupFunction;
  readonly signal: AbortSignal;
  /** Milliseconds for everything up to the proxy's answer. */
  readonly timeoutMs: number;
}

/** What a proxy answered: `rest` is what came behind its head. */
export interface ConnectAnswer {
  readonly status: number;
  readonly reason: string;
  /** The schemes that Proxy-Authenticate offers, as written. */
  readonly schemes: readonly string[];
  readonly rest: Buffer;
}

/** Longest head that is read, in bytes. */
const LONGEST_HEAD = 16 * 1024;
const LONGEST_REASON = 100;
/** What proxies answer when they can't get to the target themselves; 500 is tinyproxy's. */
const UNREACHED = new Set([500, 502, 503, 504]);

/** The Basic credentials of `user:password`, as Proxy-Authorization carries them. */
export function basicAuthorization(credentials: string): string {
  return `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`;
}

/**
 * The answer at the front of the bytes, or undefined while its head is not complete; interim answers are passed over. Throws
 * `proxy-refused` for what is no HTTP answer or has no end. Pure.
 */
export function readConnectAnswer(bytes: Buffer): ConnectAnswer | undefined {
  let from = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', from, 'latin1');
    const head = bytes.toString('latin1', from, end < 0 ? bytes.length : end);
    checkBeginning(head);
    if (end < 0 && bytes.length > LONGEST_HEAD)
      throw new PosternError('proxy-refused', `the head of its answer is longer than ${LONGEST_HEAD} bytes`);
    if (end < 0) return undefined;
    const [line, ...fields] = head.split('\r\n') as [string, ...string[]];
    const [, digits, reason = ''] = /^HTTP\/1\.[01] ([1-5]\d\d)(?: (.*))?$/s.exec(line) ?? [];
    if (digits === undefined) throw noHttp();
    from = end + 4;
    const status = Number(digits);
    if (status >= 200)
      return { status, reason: printable(reason), schemes: schemesOf(fields), rest: bytes.subarray(from) };
  }
}

/**
 * A socket whose far end is the target, by way of the proxy. Rejects with `proxy-unreachable`, `proxy-untrusted`,
 * `proxy-credentials`, `proxy-refused`, with `bastion-unreachable` where the proxy says that it can't get there, or with
 * the signal's reason; nothing is left open then.
 */
export async function connectThrough(options: ConnectOptions): Promise<Socket> {
  const { signal, timeoutMs } = options;
  signal.throwIfAborted();
  const socket = dialProxy(options);
  // Stays: what goes wrong later is seen by its close, and must not go unheard before somebody looks.
  socket.on('error', () => {});
  const abandon = Promise.withResolvers<never>();
  const abort = (): void => abandon.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  let phase = 'no connection';
  const timer = setTimeout(
    () => abandon.reject(new PosternError('proxy-unreachable', `${phase} within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const ask = async (): Promise<ConnectAnswer> => {
    await standing(socket, options.proxy.secure ? 'secureConnect' : 'connect');
    phase = 'it took the connection, but gave no answer';
    socket.write(requestFor(options));
    return answerOf(socket);
  };
  try {
    const answer = await Promise.race([ask(), abandon.promise]);
    if (answer.status >= 300) throw refusal(answer);
    // Whoever speaks next is the target's protocol.
    if (answer.rest.length > 0) socket.unshift(answer.rest);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function dialProxy({ proxy, lookup }: ConnectOptions): Socket {
  const { host, port, secure, ca } = proxy;
  const reach = { host, port, lookup, autoSelectFamilyAttemptTimeout: FAMILY_ATTEMPT_MS };
  const socket = secure
    ? connectTls({
        ...reach,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(ca === undefined ? {} : { ca }),
      })
    : connectTcp(reach);
  return socket.setNoDelay(true);
}

function requestFor({ target, authorization }: ConnectOptions): string {
  const authority = formatAddress(target);
  const credentials = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`;
}

function standing(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', (error: NodeJS.ErrnoException) => reject(unreachable(error)));
    // A TLS server may close before its handshake without a word.
    socket.once('close', () => reject(new PosternError('proxy-unreachable', 'it closed the connection')));
  });
}

/** Reads no further than it must: what comes behind the head is not ours. */
function answerOf(socket: Socket): Promise<ConnectAnswer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const settle = (): void => {
      socket.off('readable', read);
      socket.off('end', ended);
      socket.off('close', ended);
    };
    const read = (): void => {
      try {
        for (let chunk: Buffer | null; (chunk = socket.read() as Buffer | null) !== null;) {
          bytes = Buffer.concat([bytes, chunk]);
          const answer = readConnectAnswer(bytes);
          if (answer === undefined) continue;
          settle();
          return resolve(answer);
        }
      } catch (error) {
        settle();
        reject(error);
      }
    };
    const ended = (): void => {
      settle();
      reject(new PosternError('proxy-refused', 'it closed the connection in place of an answer'));
    };
    socket.on('readable', read);
    socket.on('end', ended);
    socket.on('close', ended);
  });
}

function refusal({ status, reason, schemes }: ConnectAnswer): PosternError {
  const said = `it answered ${status}${reason === '' ? '' : ` ${reason}`}`;
  // Some (tinyproxy) say 401 to credentials that are wrong.
  if (status === 407 || status === 401) {
    const basic = schemes.length === 0 || schemes.some((scheme) => scheme.toLowerCase() === 'basic');
    const offer = basic ? '' : `; it takes ${schemes.join(', ')}, and only Basic is spoken here`;
    return new PosternError('proxy-credentials', said + offer);
  }
  const code: ErrorCode = UNREACHED.has(status) ? 'bastion-unreachable' : 'proxy-refused';
  return new PosternError(code, code === 'proxy-refused' ? said : `through the proxy: ${said}`);
}

/** So that something that is no proxy is told at once, not once it has sent 16 KiB. */
function checkBeginning(head: string): void {
  const start = 'HTTP/1.';
  if (!head.startsWith(start.slice(0, Math.min(head.length, start.length)))) throw noHttp();
}

function noHttp(): PosternError {
  return new PosternError('proxy-refused', 'what it answered is not HTTP/1.1');
}

function schemesOf(fields: readonly string[]): string[] {
  const offers = fields.map(
    (field) => /^proxy-authenticate[ \t]*:[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40})/i.exec(field)?.[1],
  );
  return [...new Set(offers.filter((scheme) => scheme !== undefined))];
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_REASON);
}

function unreachable(error: NodeJS.ErrnoException): PosternError {
  const code = isUntrusted(error) ? 'proxy-untrusted' : 'proxy-unreachable';
  return new PosternError(code, connectionProblem(error), { cause: error });
}
