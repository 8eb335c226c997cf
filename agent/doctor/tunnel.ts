// The doctor's steps above TLS: HTTP and the clock, then a rehearsed registration, and what passes through a tunnel.

import type { TLSSocket } from 'node:tls';

import { PosternError, asPosternError } from '../../shared/errors.ts';
import { dialCarrier, DialError, type DialOptions } from '../../shared/link/dial.ts';
import { WebSocketLink } from '../../shared/link/websocket-link.ts';
import { Session } from '../../shared/mux/session.ts';
import {
  ACCEPTANCE_HEADER,
  decodeAcceptance,
  encodeHeader,
  PROBE_HEADER,
  PROBE_SERVICE,
  type Acceptance,
  type Registration,
} from '../../shared/wire/handshake.ts';
import { failed, ok, since, skipped, warning, type Finding } from './finding.ts';

/** A clock that is off by more makes tokens and certificates look expired; milliseconds. */
const CLOCK_OFF_MS = 60_000;
const LONGEST_HEAD = 16_384;

/** One request on the connection that stands: how long the first byte takes, and what time it is there. */
export async function askPage(socket: TLSSocket, host: string, timeoutMs: number): Promise<Finding[]> {
  const started = performance.now();
  try {
    const head = await headOf(socket, host, timeoutMs);
    const ms = since(started);
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
    if (status === undefined)
      return [failed('http', 'What answers is not HTTP.', 'Check the port in --bastion.', { ms })];
    return [ok('http', `The first byte of an answer (${status}) comes after ${ms} ms.`, { ms }), clock(head)];
  } catch (error) {
    const says = `A request is not answered: ${(error as Error).message}.`;
    return [failed('http', says, 'Something on the way takes the connection and then stays silent.')];
  } finally {
    socket.destroy();
  }
}

function headOf(socket: TLSSocket, host: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = '';
    socket.setTimeout(timeoutMs, () => reject(new Error(`nothing within ${timeoutMs} ms`)));
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (head.includes('\r\n\r\n') || head.length > LONGEST_HEAD) resolve(head);
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(head));
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: postern-agent doctor\r\nConnection: close\r\n\r\n`);
  });
}

function clock(head: string): Finding {
  const there = Date.parse(/^date:[ \t]*([^\r]+)/im.exec(head)?.[1] ?? '');
  if (Number.isNaN(there)) return skipped('clock', 'The answer says no time.');
  // It is told in whole seconds.
  const offMs = Math.max(0, Math.abs(Date.now() - there) - 1000);
  if (offMs < CLOCK_OFF_MS) return ok('clock', "This node's clock agrees with the bastion's.");
  const says = `This node's clock differs from the bastion's by ${Math.round(offMs / 1000)} s.`;
  return warning(
    'clock',
    says,
    'Tokens and certificates may look expired: those who run the node can set its clock (NTP).',
  );
}

export interface Rehearsal {
  readonly dial: Omit<DialOptions, 'headers' | 'signal'>;
  readonly registration: Registration;
  /** The credential. */
  readonly token: string;
}

/** Steps `websocket`, `credential`, `name`, `round-trip` and `throughput`. */
export async function rehearse(rehearsal: Rehearsal): Promise<Finding[]> {
  const { dial, registration, token } = rehearsal;
  const started = performance.now();
  try {
    const headers = {
      authorization: `Bearer ${token}`,
      'user-agent': registration.agent,
      [PROBE_HEADER]: encodeHeader(registration),
    };
    const { carrier, headers: answer } = await dialCarrier({ ...dial, headers, signal: new AbortController().signal });
    const ms = since(started);
    const acceptance = decodeAcceptance(String(answer[ACCEPTANCE_HEADER] ?? ''));
    const session = new Session(new WebSocketLink(carrier), {
      role: 'agent',
      own: registration.limits,
      peer: acceptance.limits,
    });
    try {
      return [...accepted(acceptance, registration, ms), ...(await measured(session))];
    } finally {
      await Promise.race([session.close(), new Promise((resolve) => setTimeout(resolve, 2000))]);
      session.destroy(new PosternError('session-closed'));
    }
  } catch (error) {
    return refused(asPosternError(error, 'bastion-unreachable'), since(started));
  }
}

function accepted(acceptance: Acceptance, registration: Registration, ms: number): Finding[] {
  const { bastion, expiresAt, urls, probe } = acceptance;
  const name = registration.names[0] as string;
  const hours = (expiresAt - Date.now()) / 3_600_000;
  const until = new Date(expiresAt).toISOString();
  const address = urls[name] ?? '?';
  return [
    ok('websocket', `The WebSocket of the tunnel stands after ${ms} ms; it is ${bastion}.`, { ms }),
    hours < 1
      ? warning(
          'credential',
          `The token is good, but only until ${until}.`,
          'Put a fresh one into the file before the job needs it.',
        )
      : ok('credential', `The token is good until ${until}.`),
    probe?.replaces === true
      ? warning(
          'name',
          `${name} is yours, and an agent serves it now.`,
          'A new agent would take its place; choose another name to keep both.',
        )
      : ok('name', `${name} may be used, and would be at ${address}`),
  ];
}

const CREDENTIAL = /^credential-|^token-/;

function refused(error: PosternError, ms: number): Finding[] {
  const { code, entry } = error;
  const problem = error instanceof DialError ? error.problem : undefined;
  const says = `${error.message} (${code}).`;
  if (problem === undefined) {
    const status = error instanceof DialError ? error.status : undefined;
    const advice =
      status === undefined
        ? entry.advice
        : 'Something between here and the bastion answers in its place, or does not pass WebSockets on: ask those who run the proxy or load balancer.';
    return [failed('websocket', says, advice, { ms }), ...NOT_ASKED];
  }
  const passed = ok('websocket', `The bastion itself answers after ${ms} ms.`, { ms });
  if (code === 'registration-malformed' && /postern-registration/.test(error.detail ?? ''))
    return [
      passed,
      ok('credential', 'The token is good.'),
      skipped('name', 'This bastion is older, and cannot be asked without registering.'),
    ];
  if (CREDENTIAL.test(code))
    return [passed, failed('credential', says, entry.advice), skipped('name', 'The token has to be mended first.')];
  if (entry.agent === 'retry') return [passed, warning('name', says, entry.advice)];
  return [passed, ok('credential', 'The token is good.'), failed('name', says, entry.advice)];
}

const NOT_ASKED = [
  skipped('credential', 'The bastion could not be asked.'),
  skipped('name', 'The bastion could not be asked.'),
  skipped('throughput', 'There is no tunnel to measure.'),
];

const SMALL = 64 * 1024;
const LARGE = 4 * 1024 * 1024;
/** A path that takes longer for the small piece is not asked for the large one, in milliseconds. */
const SLOW_MS = 1000;

async function measured(session: Session): Promise<Finding[]> {
  try {
    const tripMs = Math.min(await through(session, 0, 0), await through(session, 0, 0));
    const up = await rate(session, 'up');
    const down = await rate(session, 'down');
    const says = `Through the tunnel: ${megabits(up)} Mbit/s up, ${megabits(down)} Mbit/s down.`;
    const slow = Math.min(up, down) < 125_000;
    return [
      ok('round-trip', `There and back through the tunnel takes ${tripMs.toFixed(tripMs < 10 ? 1 : 0)} ms.`, {
        ms: Math.round(tripMs),
      }),
      slow
        ? warning('throughput', says, 'That is slow for a notebook: a proxy or firewall on the way may be the cause.')
        : ok('throughput', says),
    ];
  } catch (error) {
    const says = `The tunnel broke while it was measured: ${(error as Error).message}.`;
    return [
      failed('throughput', says, 'Something on the way cuts WebSockets: ask those who run the proxy or firewall.'),
    ];
  }
}

/** Bytes per second. */
async function rate(session: Session, direction: 'up' | 'down'): Promise<number> {
  const move = (bytes: number): Promise<number> =>
    direction === 'up' ? through(session, bytes, 0) : through(session, 0, bytes);
  const first = await move(SMALL);
  if (first > SLOW_MS) return SMALL / (first / 1000);
  return LARGE / ((await move(LARGE)) / 1000);
}

/** Milliseconds for so many bytes there, and then so many back. */
function through(session: Session, up: number, down: number): Promise<number> {
  const started = performance.now();
  const stream = session.open({ service: PROBE_SERVICE, visitor: '' });
  return new Promise((resolve, reject) => {
    let got = 0;
    stream.on('data', (chunk: Buffer) => (got += chunk.length));
    stream.on('error', reject);
    stream.on('end', () => {
      if (got === down) resolve(performance.now() - started);
      else reject(new Error(`${got} of ${down} bytes came back`));
    });
    stream.write(`${down}\n`);
    stream.end(Buffer.alloc(up));
  });
}

function megabits(bytesPerSecond: number): string {
  const inMegabits = (bytesPerSecond * 8) / 1e6;
  return inMegabits < 10 ? inMegabits.toFixed(1) : inMegabits.toFixed(0);
}
