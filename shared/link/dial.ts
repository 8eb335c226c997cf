// Dialling a bastion: one WebSocket handshake, and every way in which it can be refused told apart.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { WebSocket } from 'ws';
import { PosternError, isErrorCode, toProblem, type ErrorCode, type Problem } from '../errors.ts';
import { SUBPROTOCOL } from '../wire/handshake.ts';
import { WebSocketLink, type Carrier, type LinkOptions } from './websocket-link.ts';

export interface DialOptions {
  /** `wss://notebooks.example.org:8443/_postern/tunnel` */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; undefined: the system's trust. */
  readonly ca?: string | undefined;
  readonly lookup?: LookupFunction;
  /** Milliseconds for everything up to the 101. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Mask with zeros (RFC 6455, 5.3 wants unpredictable masks to protect plaintext intermediaries, so only inside TLS). */
  readonly zeroMask: boolean;
  /** Longest message taken from the bastion, in bytes. */
  readonly maxMessage: number;
}

/** A refused or failed handshake. Without `problem` it was not the bastion that answered, or nobody did. */
export class DialError extends PosternError {
  readonly status: number | undefined;
  readonly problem: Problem | undefined;
  readonly retryAfterMs: number | undefined;
  /** Nobody listens there: worth asking again soon. */
  readonly refused: boolean;

  constructor(
    code: ErrorCode,
    detail: string | undefined,
    more: { status?: number; problem?: Problem; retryAfterMs?: number; refused?: boolean; cause?: unknown } = {},
  ) {
    super(code, detail, { cause: more.cause });
    this.name = 'DialError';
    this.status = more.status;
    this.problem = more.problem;
    this.retryAfterMs = more.retryAfterMs;
    this.refused = more.refused ?? false;
  }
}

/** Longest refusal that is read, in bytes. */
const LONGEST_REFUSAL = 16 * 1024;
/** Most characters of a refusal's detail that are kept. */
const LONGEST_DETAIL = 500;

/** Dials and answers the link with the headers of the 101. Rejects with DialError, or with the signal's reason. */
export async function dialLink(
  options: DialOptions,
  link: LinkOptions = {},
): Promise<{ link: WebSocketLink; headers: IncomingHttpHeaders }> {
  const { carrier, headers } = await dialCarrier(options);
  return { link: new WebSocketLink(carrier, link), headers };
}

/** Dials and answers the bare WebSocket, for a link that goes on over it. Rejects like `dialLink`. */
export function dialCarrier(options: DialOptions): Promise<{ carrier: Carrier; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    options.signal.throwIfAborted();
    const webSocket = begin(options);
    const settle = () => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', abort);
      webSocket.removeAllListeners();
      webSocket.on('error', () => undefined);
    };
    const give = (reason: Error) => {
      settle();
      webSocket.terminate();
      reject(reason);
    };
    const abort = () => give(options.signal.reason as Error);
    options.signal.addEventListener('abort', abort, { once: true });
    // `ws` and Node time silence only: something that answers a byte now and then would hold us for ever.
    const timer = setTimeout(
      () => give(new DialError('bastion-unreachable', `no answer within ${options.timeoutMs} ms`)),
      options.timeoutMs,
    );
    let answer: IncomingMessage | undefined;
    webSocket.once('upgrade', (response) => (answer = response));
    webSocket.once('open', () => {
      settle();
      // Until a link listens: what came with the 101 would be emitted before the promise is looked at.
      webSocket.pause();
      const { headers, socket } = answer as IncomingMessage;
      resolve({ carrier: { webSocket, socket }, headers });
    });
    webSocket.once('unexpected-response', (request, response) => {
      void readRefusal(response).then((error) => {
        settle();
        request.destroy();
        reject(error);
      });
    });
    webSocket.once('error', (error) => {
      settle();
      reject(unreachable(error));
    });
  });
}

function begin(options: DialOptions): WebSocket {
  try {
    return new WebSocket(options.url, SUBPROTOCOL, {
      headers: options.headers,
      perMessageDeflate: false,
      maxPayload: options.maxMessage,
      // Our messages are never fragmented.
      maxFragments: 4,
      // The link answers pings, and not without bound.
      autoPong: false,
      followRedirects: false,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
      ...(options.zeroMask && options.url.startsWith('wss:')
        ? { generateMask: (mask: Buffer) => void mask.fill(0) }
        : {}),
    });
  } catch (cause) {
    // A URL or a header that can't be sent; the message quotes the URL at most.
    throw new DialError('bastion-unreachable', (cause as Error).message, { cause });
  }
}

async function readRefusal(response: IncomingMessage): Promise<DialError> {
  let body = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      body += chunk as string;
      if (body.length > LONGEST_REFUSAL) break;
    }
  } catch {
    // Cut short: then it is judged by its status alone.
  }
  const status = response.statusCode ?? 0;
  const problem = asProblem(response.headers['content-type'], body);
  const seconds = Number(response.headers['retry-after']);
  const retry = Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {};
  if (problem === undefined) {
    return new DialError('bastion-unreachable', `HTTP ${status} from something that is not a postern bastion`, {
      status,
      ...retry,
    });
  }
  return new DialError(problem.code, problem.detail, { status, problem, ...retry });
}

function asProblem(type: string | undefined, body: string): Problem | undefined {
  if (type?.startsWith('application/problem+json') !== true) return undefined;
  try {
    const problem = JSON.parse(body) as Partial<Problem> | null;
    if (!isErrorCode(problem?.code)) return undefined;
    // Only what is well known here goes to logs and terminals, and one line of detail.
    const detail = typeof problem.detail === 'string' ? { detail: printable(problem.detail) } : {};
    return toProblem(new PosternError(problem.code, detail.detail));
  } catch {
    return undefined;
  }
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_DETAIL);
}

/** OpenSSL's verification errors, by Node's names, that mean "not trusted" rather than "not there". */
const UNTRUSTED = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/;

function unreachable(error: Error & { code?: string }): DialError {
  const code = error.code ?? '';
  const untrusted = UNTRUSTED.test(code) || /^(permitted|excluded) subtree violation/.test(error.message);
  return new DialError(untrusted ? 'bastion-untrusted' : 'bastion-unreachable', error.message || code, {
    refused: code === 'ECONNREFUSED',
    cause: error,
  });
}
