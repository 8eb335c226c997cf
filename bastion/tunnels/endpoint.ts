// The endpoint where agents register: proof, registration, the table's decision, the 101, and the new link's tunnel.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { PosternError, asPosternError } from '../../shared/errors.ts';
import { Budget } from '../../shared/mux/budget.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import type { WebSocketLink } from '../../shared/link/websocket-link.ts';
import { Session } from '../../shared/mux/session.ts';
import type { SessionOptions } from '../../shared/mux/session.ts';
import { END_TO_END_FEATURE, PROBE_HEADER } from '../../shared/wire/handshake.ts';
import type { Acceptance } from '../../shared/wire/handshake.ts';
import { addressGroup } from '../auth/attempts.ts';
import { Repeats } from '../repeats.ts';
import { asksToRegister, identify, registrationOf } from './arrival.ts';
import type { EndpointOptions } from './endpoint-options.ts';
import { endToEndRefusal } from './end-to-end.ts';
import { evict, evictFormerOwners, evictRevoked } from './evict.ts';
import { acceptAgent, grant } from './grant.ts';
import type { Granted } from './grant.ts';
import { SpentLinks } from './links.ts';
import { Pauses } from './pauses.ts';
import { Probes, asksToProbe } from './probe.ts';
import { refuse, patienceS } from './refuse.ts';
import { decide } from './registration.ts';
import type { Decision, HeldTunnel, Welcome } from './registration.ts';
import { ResumableSessions, asksToResume } from './resumption.ts';
import type { Upgrade } from './resumption.ts';
import { LiveTunnel } from './tunnel.ts';
import type { Farewell, Joining, SessionListeners } from './tunnel.ts';
import type { TunnelLink } from './tunnel-link.ts';

/** A registration that has come as far as the table. */
interface Candidate extends Joining {
  readonly address: string;
}

/** An agent that is refused again and again is accounted for once in a while, in milliseconds. */
const REFUSED_AGAIN_MS = 600_000;

export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #now: () => number;
  readonly #budget: Budget;
  readonly #spent: SpentLinks;
  readonly #refusals: Repeats;
  readonly #resumable: ResumableSessions;
  readonly #probes = new Probes();
  readonly #pauses: Pauses<TunnelLink<LiveTunnel>>;
  #draining = false;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#budget = new Budget(options.totalCredit);
    this.#spent = new SpentLinks(options.store, this.#now);
    this.#refusals = new Repeats(REFUSED_AGAIN_MS, this.#now);
    this.#resumable = new ResumableSessions(options.limits.message);
    const { directory, ownership, revocations } = options;
    options.store.watch('names', () => evictFormerOwners(directory, ownership));
    revocations.watch(() => evictRevoked(directory, revocations.standing));
    const { clock = systemClock, pausePatienceMs: patienceMs } = options;
    this.#pauses = new Pauses<TunnelLink<LiveTunnel>>({
      clock,
      patienceMs,
      onImpatience: (links) => options.onImpatience(new Set([...links].map(({ tunnel }) => tunnel))),
    });
  }

  /** Bytes of credit that all tunnels' streams have granted now. */
  get grantedBytes(): number {
    return this.#budget.granted;
  }

  /** Takes over an upgrade request for the tunnel path; answers it whatever it is. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, address: string): void {
    const upgrade = { request, socket, head, address };
    socket.on('error', unheard);
    const leave = this.#options.admission.enter();
    if (leave === undefined) return this.#refuse(upgrade, new PosternError('handshake-limit'));
    socket.once('close', leave);
    const arrive = this.#arrive(upgrade);
    void arrive
      .catch((error: unknown) => this.#refuse(upgrade, asPosternError(error)))
      .finally(() => {
        leave();
        socket.off('close', leave);
      });
  }

  /** From now on agents are refused with `draining`. */
  refuseAgents(): void {
    this.#draining = true;
  }

  /** Refuses newcomers, says GOAWAY to every agent, and resolves when the last link is gone or the grace is over. */
  async close(graceMs: number): Promise<void> {
    this.refuseAgents();
    const farewell = (): Farewell => ({ code: 'draining', reconnectAfterMs: reconnectAfterMs(), graceMs });
    await Promise.all([...this.#options.directory.tunnels].map((tunnel) => tunnel.leave(farewell())));
  }

  /** Ends every tunnel now. */
  destroy(): void {
    this.refuseAgents();
    for (const tunnel of [...this.#options.directory.tunnels]) tunnel.destroy(new PosternError('draining'));
  }

  #arrive(upgrade: Upgrade): Promise<void> {
    if (asksToResume(upgrade.request)) return this.#resume(upgrade);
    return asksToProbe(upgrade.request) ? this.#probe(upgrade) : this.#register(upgrade);
  }

  /** All that a registration goes through, and nothing of what it leads to. */
  async #probe(upgrade: Upgrade): Promise<void> {
    const candidate = await this.#candidate(upgrade, PROBE_HEADER);
    this.#probes.check();
    const decision = accepted(this.#decide(candidate));
    const { limits } = this.#options;
    const probe = { replaces: decision.retire.length > 0 || decision.join !== undefined };
    const acceptance = { ...this.#acceptance(candidate, grant()), resumeMs: 0, probe };
    const link = await acceptAgent(upgrade, acceptance, {});
    if (link === undefined) return;
    this.#probes.serve(link, { own: limits, peer: candidate.registration.limits });
  }

  /** Throws what `identify` and `registrationOf` throw, and `handshake-limit`. */
  async #candidate({ request, address }: Upgrade, header?: string): Promise<Candidate> {
    const { authenticator, attempts } = this.#options;
    const identity = await identify(request, { authenticator, attempts, address, now: this.#now() });
    if (!this.#options.admission.spend()) throw new PosternError('handshake-limit');
    return { identity, registration: registrationOf(request, header), address };
  }

  async #resume(upgrade: Upgrade): Promise<void> {
    const session = await this.#resumable.resume(upgrade).catch(async (error: unknown) => {
      // The session died with the bastion before this one: who brought a registration along need not dial again for it.
      if (!isUnknown(error) || !asksToRegister(upgrade.request)) throw error;
      await this.#register(upgrade).catch((refused: unknown) => {
        // Any other refusal is told to those who register and nothing else.
        throw asPosternError(refused).code === 'handshake-limit' ? refused : error;
      });
    });
    if (session === undefined) return;
    this.#options.onHandshake('resumed');
    this.#options.log.info({ session, address: upgrade.address }, 'session resumed');
  }

  async #register(upgrade: Upgrade): Promise<void> {
    const candidate = await this.#candidate(upgrade);
    const { identity } = candidate;
    // The first decision can still be told over HTTP.
    accepted(this.#decide(candidate));
    this.#claim(candidate);
    const granted = grant();
    const link = await this.#accept(upgrade, candidate, granted);
    if (link === undefined) return this.#options.onHandshake('link-closed');
    const over = this.#options.revocations.standing(identity);
    if (over !== undefined) return link.destroy(new PosternError(over));
    const decision = this.#decide(candidate);
    // Another agent may have come in between; the one that asks again is told over HTTP.
    if (decision.answer === 'refuse') return link.destroy(new PosternError(decision.code, decision.detail));
    this.#options.onHandshake('accepted');
    this.#resumable.hold(granted.session, granted.resumeKey, link);
    this.#carryOut(decision, candidate, { link, granted });
  }

  #decide({ identity, registration }: Candidate): Decision<LiveTunnel> {
    const { directory, ownership } = this.#options;
    const { domain, certificates } = this.#options.endToEnd;
    const refusal = endToEndRefusal(registration, { domain, issues: certificates !== undefined });
    if (refusal !== undefined) return refusal;
    const { instance, slot, names } = registration;
    const services = registration.services.length + (registration.ports?.length ?? 0);
    const { owner, names: allowed, limits: own } = identity;
    const arrival = { owner, allowed, instance, slot, names, services, own };
    evictFormerOwners(directory, ownership, directory.meeting(arrival));
    const state = {
      draining: this.#draining,
      tunnels: directory.meeting(arrival),
      replaced: (other: string) => directory.wasReplaced(other),
      reservation: (name: string) => ownership.reservation(name),
      room: (account: string) => ownership.room(account),
      limits: this.#options.tunnelLimits,
      held: (account: string) => directory.count(account),
    };
    return decide(state, arrival);
  }

  #claim({ identity: { owner, id }, registration, address }: Candidate): void {
    for (const name of this.#options.ownership.claim(registration.names, owner))
      this.#options.audit.record({ event: 'name-claimed', name, owner, by: id, address });
  }

  #accept(upgrade: Upgrade, candidate: Candidate, granted: Granted): Promise<WebSocketLink | undefined> {
    const { clock, resumeMs: graceMs } = this.#options;
    const options = { graceMs, onLost: (error: PosternError) => this.#paused(granted, error) };
    const acceptance = this.#acceptance(candidate, granted);
    return acceptAgent(upgrade, acceptance, clock === undefined ? options : { ...options, clock });
  }

  #acceptance({ identity, registration }: Candidate, { session, resumeKey }: Granted): Acceptance {
    const { bastion, limits, urlOf, resumeMs } = this.#options;
    return {
      bastion,
      session,
      resumeKey,
      resumeMs,
      urls: Object.fromEntries(registration.names.map((name) => [name, urlOf(name)])),
      serviceUrl: urlOf('{name}--{service}'),
      expiresAt: identity.expiresAt,
      features: [END_TO_END_FEATURE],
      limits,
    };
  }

  #paused({ session, joined }: Granted, { code, detail }: PosternError): void {
    this.#options.log.info({ session, code, detail }, 'link lost, waiting to be resumed');
    this.#options.onPause();
    if (joined !== undefined) this.#pauses.lost(joined);
  }

  #carryOut(
    decision: Welcome<LiveTunnel>,
    candidate: Candidate,
    made: { link: WebSocketLink; granted: Granted },
  ): void {
    const { directory, graceMs, log } = this.#options;
    const { identity, registration, address } = candidate;
    for (const tunnel of decision.retire) {
      directory.withdraw(tunnel);
      directory.markReplaced(tunnel);
      void tunnel.leave({ code: 'replaced', reconnectAfterMs: 0, graceMs });
    }
    const tunnel = decision.join ?? this.#newTunnel(candidate);
    const { link, granted } = made;
    granted.joined = tunnel.join(registration.slot, candidate, {
      start: (listeners) => this.#begin(tunnel, candidate, made, listeners),
      waiting: () => link.waiting,
    });
    if (decision.join === undefined) directory.add(tunnel);
    if (decision.drop !== undefined) tunnel.drop(decision.drop);
    const { names, access, instance } = registration;
    const account = { owner: identity.owner, credentialId: identity.id, names, instance, access, address };
    this.#options.audit.record({ event: 'agent-registered', ...account });
    log.info(
      {
        owner: identity.owner,
        credentialId: identity.id,
        names: registration.names,
        agent: registration.agent,
        instance: registration.instance,
        slot: registration.slot,
        access: registration.access,
        session: granted.session,
        address,
        replacing: decision.retire.map((retired) => retired.instance),
      },
      'agent registered',
    );
  }

  /** Requests for certificates are answered here, everything else is heard by the tunnel. */
  #begin(
    tunnel: LiveTunnel,
    candidate: Candidate,
    { link, granted }: { link: WebSocketLink; granted: Granted },
    { onInfo: heard, onGoAway }: SessionListeners,
  ): Session {
    const asking = { tunnel, session: granted.session };
    const onInfo =
      this.#options.endToEnd.certificates?.listen(asking, (answer) => session.sendInfo(answer), heard) ?? heard;
    const options = { budget: tunnel.budget, path: tunnel.path, onInfo, onGoAway };
    const session: Session = this.#startSession(link, candidate, options);
    void session.closed.then(() => this.#resumable.forget(granted.session));
    return session;
  }

  #startSession(link: WebSocketLink, { registration }: Candidate, options: Partial<SessionOptions>): Session {
    const { limits, sessions, clock } = this.#options;
    return new Session(link, {
      role: 'bastion',
      own: limits,
      peer: registration.limits,
      ...sessions,
      ...options,
      ...(clock === undefined ? {} : { clock }),
    });
  }

  #newTunnel(candidate: Candidate): LiveTunnel {
    const { directory, log, clock, onSessionEnd, revocations, tunnelLimits, sessionCredit } = this.#options;
    const { identity, registration } = candidate;
    const options = {
      instance: registration.instance,
      names: registration.names,
      spent: this.#spent,
      pauses: this.#pauses,
      limits: tunnelLimits,
      budget: new Budget(sessionCredit, this.#budget),
      log: log.child({ owner: identity.owner, names: registration.names, instance: registration.instance }),
      now: this.#now,
      standing: revocations.standing,
      authenticator: this.#options.authenticator,
      audit: this.#options.audit,
      onEnd: (tunnel: LiveTunnel) => directory.remove(tunnel),
      onExpired: (tunnel: LiveTunnel) => evict(directory, tunnel, 'credential-expired'),
      onSessionEnd,
    };
    return new LiveTunnel(clock === undefined ? options : { ...options, clock }, candidate);
  }

  #refuse({ request, socket, address }: Upgrade, error: PosternError): void {
    const { log, onHandshake } = this.#options;
    onHandshake(error.code);
    const fields = { code: error.code, detail: error.detail, address };
    if (error.code === 'internal') log.error({ ...fields, err: error }, 'registration failed');
    else log.warn(fields, 'registration refused');
    const repeats = this.#refusals.tell(`${error.code} ${addressGroup(fields.address)}`);
    if (repeats !== undefined) this.#options.audit.record({ event: 'agent-refused', ...fields, repeats });
    request.resume();
    refuse(socket, error, patienceS(error.code));
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof PosternError && error.code === 'session-unknown';
}

/** Stays on the socket for life, and so holds on to nothing of the request. */
function unheard(): void {}

function accepted<Held extends HeldTunnel>(decision: Decision<Held>): Welcome<Held> {
  if (decision.answer === 'refuse') throw new PosternError(decision.code, decision.detail);
  return decision;
}

function reconnectAfterMs(): number {
  return Math.floor(Math.random() * 1000);
}
