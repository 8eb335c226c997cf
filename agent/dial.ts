// One attempt to register at the bastion: the token read afresh, the upgrade, and a session over the link.

import { PosternError, toProblem } from '../shared/errors.ts';
import { DialError, dialCarrier, type DialOptions } from '../shared/link/dial.ts';
import { WebSocketLink, type Carrier } from '../shared/link/websocket-link.ts';
import { systemClock } from '../shared/mux/clock.ts';
import { Session } from '../shared/mux/session.ts';
import type { SharedPath } from '../shared/mux/shared-path.ts';
import type { Stream } from '../shared/mux/stream.ts';
import { lookup } from '../shared/net/resolve.ts';
import {
  ACCEPTANCE_HEADER,
  decodeAcceptance,
  encodeHeader,
  END_TO_END_FEATURE,
  REGISTRATION_HEADER,
  RESUMPTION_HEADER,
  TUNNEL_PATH,
  type Acceptance,
  type Info,
  type Registration,
} from '../shared/wire/handshake.ts';
import { Resumer, type ResumeEvents } from './resume.ts';
import { readSecretFile } from './secret-file.ts';
import type { Dial } from './supervise.ts';
import { TakenAnew, type Taken } from './taken-anew.ts';

export interface DialPlan {
  /** `https://notebooks.example.org:8443`. */
  readonly bastion: string;
  /** PEM; undefined leaves it to Node. */
  readonly ca: string | undefined;
  /** The way there through a proxy; without it, a connection of our own. */
  readonly through?: DialOptions['through'];
  /** There is another bastion: how long a lost session is tried to be had back before that one is asked, in milliseconds. */
  readonly resumePatienceMs?: number | undefined;
  /** What the agent's links to this bastion share. */
  readonly path?: SharedPath;
  readonly tokenFile: string;
  /** All-zero WebSocket masks: only ever over TLS, which is all there is here. */
  readonly zeroMask: boolean;
  readonly timeoutMs: number;
  /** Asked for at each attempt: one-time links come and go. */
  registration(): Registration;
  onStream(stream: Stream): void;
  onInfo(info: Info): void;
  /** The connection broke and goes on. */
  readonly pauses: ResumeEvents;
}

/** Makes the supervisor's dial. It rejects with a DialError, or a PosternError `options-invalid` for an unusable token file. */
export function createDial(plan: DialPlan): Dial {
  const anew = new TakenAnew(systemClock);
  return async (signal, onGoAway) => {
    const { registration, carrier, headers } = anew.take() ?? (await register(plan, signal));
    try {
      const acceptance = decodeAcceptance(String(headers[ACCEPTANCE_HEADER] ?? ''));
      refuseReader(registration, acceptance);
      const agreed = { plan, registration, acceptance, signal, anew };
      return { session: begin(agreed, carrier, onGoAway), acceptance };
    } catch (cause) {
      carrier.webSocket.terminate();
      if (cause instanceof DialError) throw cause;
      throw new PosternError('protocol-error', "the bastion's acceptance cannot be read", { cause });
    }
  };
}

type OnGoAway = Parameters<Dial>[1];

interface Agreed {
  readonly plan: DialPlan;
  readonly registration: Registration;
  readonly acceptance: Acceptance;
  /** Ends all attempts of this link. */
  readonly signal: AbortSignal;
  readonly anew: TakenAnew;
}

/** A bastion that knows nothing of TLS from end to end would end it itself, and read what visitors send. */
function refuseReader({ tls }: Registration, { features }: Acceptance): void {
  if (tls === undefined || features.includes(END_TO_END_FEATURE)) return;
  const problem = toProblem(new PosternError('end-to-end-unavailable'));
  throw new DialError('end-to-end-unavailable', 'this bastion would read what visitors send', { problem });
}

async function register(plan: DialPlan, signal: AbortSignal): Promise<Taken> {
  const registration = plan.registration();
  const headers = registrationHeaders(plan, registration);
  return { registration, ...(await dialCarrier({ ...reach(plan, registration), headers, signal })) };
}

/** Throws PosternError `options-invalid` when the token file can't be used. */
function registrationHeaders(plan: DialPlan, registration: Registration): Record<string, string> {
  return {
    authorization: `Bearer ${readSecretFile(plan.tokenFile)}`,
    'user-agent': registration.agent,
    [REGISTRATION_HEADER]: encodeHeader(registration),
  };
}

/**
 * A resumption brings the registration along: a bastion that was restarted takes the agent at once, instead of after another
 * TLS handshake of each of its agents. The link is told either way, as if it had been refused.
 */
async function resumeOrRegister(
  { plan, signal: ended, anew }: Agreed,
  proof: Readonly<Record<string, string>>,
  signal: AbortSignal,
): ReturnType<typeof dialCarrier> {
  const registration = plan.registration();
  const headers = { ...withToken(plan, registration), ...proof };
  const dialled = await dialCarrier({ ...reach(plan, registration), headers, signal });
  if (dialled.headers[RESUMPTION_HEADER] !== undefined || dialled.headers[ACCEPTANCE_HEADER] === undefined)
    return dialled;
  anew.keep({ registration, ...dialled }, ended);
  const gone = new PosternError('session-unknown', 'the bastion took us anew');
  throw new DialError('session-unknown', gone.detail, { problem: toProblem(gone) });
}

/** A token file that is missing for the moment is no reason not to resume: that needs none. */
function withToken(plan: DialPlan, registration: Registration): Record<string, string> {
  try {
    return registrationHeaders(plan, registration);
  } catch {
    return { 'user-agent': registration.agent };
  }
}

function begin(agreed: Agreed, carrier: Carrier, onGoAway: OnGoAway): Session {
  const { plan, registration, acceptance } = agreed;
  const link: WebSocketLink = new WebSocketLink(carrier, {
    // Beyond the bastion's patience, since only the bastion's word tells when it is really over.
    graceMs: 2 * acceptance.resumeMs,
    onLost: (error) => resumer.lost(error),
  });
  const resumer = new Resumer({
    link,
    acceptance,
    dial: (proof, signal) => resumeOrRegister(agreed, proof, signal),
    clock: systemClock,
    random: Math.random,
    events: plan.pauses,
    patienceMs: plan.resumePatienceMs,
  });
  const session = new Session(link, {
    role: 'agent',
    own: registration.limits,
    peer: acceptance.limits,
    onStream: (stream) => plan.onStream(stream),
    onInfo: (info) => plan.onInfo(info),
    onGoAway,
    ...(plan.path === undefined ? {} : { path: plan.path }),
  });
  void session.closed.then(() => resumer.stop());
  return session;
}

/** How to get there, the same for a registration and for a resumption. */
function reach(plan: DialPlan, registration: Registration): Omit<DialOptions, 'headers' | 'signal'> {
  return {
    url: tunnelUrl(plan.bastion),
    ca: plan.ca,
    lookup,
    through: plan.through,
    timeoutMs: plan.timeoutMs,
    zeroMask: plan.zeroMask,
    maxMessage: registration.limits.message,
  };
}

function tunnelUrl(bastion: string): string {
  const url = new URL(TUNNEL_PATH, bastion);
  url.protocol = 'wss:';
  return url.href;
}
