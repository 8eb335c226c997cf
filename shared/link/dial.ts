// Dialling a bastion: one WebSocket handshake, and every way in which it can be refused told apart.

import type { ClientRequestArgs, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type ConnectionOptions, type SecureContext } from 'node:tls';
import { WebSocket } from 'ws';
import { PosternError, isErrorCode, toProblem, type ErrorCode, type Problem } from '../errors.ts';
import { BoundedMap } from '../bounded-map.ts';
import { connectionProblem, FAMILY_ATTEMPT_MS, isUntrusted } from '../net/connecting.ts';
import { SUBPROTOCOL } from '../wire/handshake.ts';
import { WebSocketLink, type Carrier, type LinkOptions } from './websocket-link.ts';

export interface DialOptions {
  /** `wss://notebooks.example.org:8443/_postern/tunnel` */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; undefined: the system's trust. */
  readonly ca?: string | undefined;
  readonly lookup?: LookupFunction;
  /**
   * Makes the connection to the URL's host and port where that is not a matter of TCP alone, within so many milliseconds;
   * the TLS of a wss: URL goes on top. Rejects with a PosternError, or with the signal's reason.
   */
  readonly through?: ((signal: AbortSignal, timeoutMs: number) => Promise<Socket>) | undefined;
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

/** Node's connections know it, the types of `ws` don't. */
const SEVERAL_ADDRESSES: object = { autoSelectFamilyAttemptTimeout: FAMILY_ATTEMPT_MS };
/** By the PEM text: an agent knows one or two. */
const contexts = new BoundedMap<string, SecureContext>(4);
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
export async function dialCarrier(options: DialOptions): Promise<{ carrier: Carrier; headers: IncomingHttpHeaders }> {
  const started = performance.now();
  const below = await socketBelow(options);
  try {
    return await handshake(options, below, Math.max(1, options.timeoutMs - (performance.now() - started)));
  } catch (error) {
    below?.destroy();
    throw error;
  }
}

async function socketBelow({ through, signal, timeoutMs }: DialOptions): Promise<Socket | undefined> {
  signal.throwIfAborted();
  try {
    return await through?.(signal, timeoutMs);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PosternError) throw new DialError(error.code, error.detail, { cause: error });
    throw unreachable(error as NodeJS.ErrnoException);
  }
}

type Dialled = Awaited<ReturnType<typeof dialCarrier>>;

function handshake(options: DialOptions, below: Socket | undefined, timeoutMs: number): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    options.signal.throwIfAborted();
    const webSocket = begin(options, below);
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
      timeoutMs,
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
    const fail = (error: DialError) => {
      settle();
      reject(error);
    };
    webSocket.once('unexpected-response', (request, response) => {
      void readRefusal(response).then((error) => {
        request.destroy();
        fail(error);
      });
    });
    webSocket.once('error', (error) => fail(unreachable(error)));
  });
}

function begin(options: DialOptions, below: Socket | undefined): WebSocket {
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
      ...SEVERAL_ADDRESSES,
      ...(options.ca === undefined ? {} : { secureContext: trusting(options.ca) }),
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
      ...(options.zeroMask && options.url.startsWith('wss:')
        ? { generateMask: (mask: Buffer) => void mask.fill(0) }
        : {}),
      ...(below === undefined
        ? {}
        : { createConnection: (request: ClientRequestArgs) => over(below, options.url, request) }),
    });
  } catch (cause) {
    // A URL or a header that can't be sent; the message quotes the URL at most.
    throw new DialError('bastion-unreachable', (cause as Error).message, { cause });
  }
}

/** The system's authorities take milliseconds to read: not again for each attempt of many while a bastion is away. */
function trusting(ca: string): SecureContext {
  const known = contexts.get(ca);
  if (known !== undefined) return known;
  const context = createSecureContext({ ca });
  contexts.set(ca, context);
  return context;
}

/** The connection that HTTP speaks over, on top of one that stands already. */
function over(below: Socket, url: string, request: ClientRequestArgs): Socket {
  if (!url.startsWith('wss:')) return below;
  const host = request.host ?? '';
  const options: ConnectionOptions = { ...(request as ConnectionOptions), host, socket: below };
  // A path would be a unix socket's.
  delete options.path;
  return connectTls({ ...options, servername: isIP(host) === 0 ? host : '' });
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

function unreachable(error: NodeJS.ErrnoException): DialError {
  return new DialError(isUntrusted(error) ? 'bastion-untrusted' : 'bastion-unreachable', connectionProblem(error), {
    refused: error.code === 'ECONNREFUSED',
    cause: error,
  });
}
