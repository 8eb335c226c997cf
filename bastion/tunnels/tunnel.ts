// A tunnel: one agent's sessions, its identity and the names it serves; for everybody above, something that opens streams.

import { BoundedMap } from '../../shared/bounded-map.ts';
import { PosternError, type ErrorCode } from '../../shared/errors.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import type { Clock } from '../../shared/mux/clock.ts';
import type { Budget } from '../../shared/mux/budget.ts';
import { SharedPath } from '../../shared/mux/shared-path.ts';
import type { Session, SessionOptions } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import { allowsPort, portOf } from '../../shared/wire/handshake.ts';
import { PRIVATE, PUBLIC, type AccessPolicy } from '../../shared/wire/access.ts';
import type { Info, Registration, ServiceKind } from '../../shared/wire/handshake.ts';
import {
  ACTIVITY_FEATURE,
  type ActivityInfo,
  type IdleInfo,
  type JobInfo,
  type KeepInfo,
} from '../../shared/wire/job.ts';
import type { Identity } from '../auth/authenticator.ts';
import { watchDeadline } from './deadline.ts';
import { chooseLink, maySettle } from './link-choice.ts';
import { passesThrough } from './end-to-end.ts';
import { JobStatus, type JobView } from './job-status.ts';
import { OneTimeLinks } from './links.ts';
import type { HeldLink, HeldTunnel } from './registration.ts';
import { Renewal } from './renewal.ts';
import type { Renewable } from './renewal.ts';
import { Traffic } from './traffic.ts';
import { TunnelLink } from './tunnel-link.ts';
import type { TunnelOptions } from './tunnel-options.ts';
import type { Tunnel } from './tunnel-view.ts';

/** How a tunnel is told to go, and how long its last streams may take; milliseconds. */
export interface Farewell {
  readonly code: ErrorCode;
  readonly reconnectAfterMs: number;
  readonly graceMs: number;
}

/** What a link brings to the tunnel that it joins. */
export interface Joining {
  readonly identity: Identity;
  readonly registration: Registration;
}

export type SessionListeners = Required<Pick<SessionOptions, 'onInfo' | 'onGoAway'>>;

/** What a link is, besides its slot and who it comes from. */
interface JoiningLink {
  start(listeners: SessionListeners): Session;
  /** True while its WebSocket is lost and it waits to be resumed. */
  waiting?(): boolean;
}

/** Most things that an agent may have news of; their names are its own to choose. */
const SUBJECTS = 100;
/** How long before its end a tunnel's log warns, in milliseconds. */
const WARN_BEFORE_MS = 600_000;

/** A tunnel with at least one link in this process. */
export class LiveTunnel implements Tunnel, HeldTunnel, Renewable {
  readonly #options: TunnelOptions;
  readonly #clock: Clock;
  readonly #oneTimeLinks: OneTimeLinks;
  readonly #job: JobStatus;
  readonly traffic: Traffic;
  readonly #readiness = new BoundedMap<string, { ready: boolean; exit?: number }>(SUBJECTS);
  /** Highest serial heard, by what the news is about. */
  readonly #serials = new BoundedMap<string, number>(SUBJECTS);
  readonly #opens: TokenBucket;
  readonly #renewal: Renewal;
  #latest: Joining;
  #links: TunnelLink<LiveTunnel>[] = [];
  #leaving = false;
  #cancelDeadline: () => void = () => {};

  constructor(options: TunnelOptions, first: Joining) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#oneTimeLinks = new OneTimeLinks(options.spent);
    this.#opens = new TokenBucket(options.limits.opens, () => this.#clock.now());
    this.#latest = first;
    this.#job = new JobStatus(options.now);
    this.traffic = new Traffic({ clock: this.#clock, tell: (info) => this.#tellOfVisitors(info) });
    this.#renewal = new Renewal(this, options.authenticator, options.standing);
  }

  /** What its links share. */
  readonly path = new SharedPath();

  get budget(): Budget {
    return this.#options.budget;
  }

  /** Streams open now, over all links. */
  get streams(): number {
    return this.#links.reduce((sum, { streams }) => sum + streams, 0);
  }

  get identity(): Identity {
    return this.#latest.identity;
  }

  get registration(): Registration {
    return this.#latest.registration;
  }

  get owner(): string {
    return this.identity.owner;
  }

  get instance(): string {
    return this.#options.instance;
  }

  /** Software and release of the agent. */
  get agent(): string {
    return this.#latest.registration.agent;
  }

  get names(): readonly string[] {
    return this.#options.names;
  }

  get policy(): AccessPolicy {
    const { policy, access } = this.#latest.registration;
    return policy ?? (access === 'public' ? PUBLIC : PRIVATE);
  }

  get links(): readonly TunnelLink<LiveTunnel>[] {
    return this.#links;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** All of its links are lost and wait to be resumed. */
  get paused(): boolean {
    return this.#links.length > 0 && this.#links.every((link) => link.paused);
  }

  hasService(service: string, kind: ServiceKind = 'http'): boolean {
    const { services, ports } = this.registration;
    const port = portOf(service);
    if (port !== undefined) return kind === 'http' && allowsPort(ports, port);
    return services.some((offer) => offer.name === service && (offer.kind ?? 'http') === kind);
  }

  authorization(service: string): string | undefined {
    return this.registration.services.find(({ name }) => name === service)?.authorization;
  }

  readiness(service: string): { ready: boolean; exit?: number } | undefined {
    return this.#readiness.get(service);
  }

  get job(): JobView | undefined {
    return this.#job.view;
  }

  isQuiet(target: string): boolean {
    return this.#latest.registration.quiet?.some((prefix) => target.startsWith(prefix)) === true;
  }

  keep(from: string): boolean {
    return this.#tellOfVisitors({ type: 'keep', from });
  }

  /** The visitors' TLS of all its names ends at the agent. */
  get endToEnd(): boolean {
    return this.registration.tls !== undefined;
  }

  passesThrough(service: string): boolean {
    return passesThrough(this.registration, service);
  }

  open(service: string, visitor: string): Stream {
    // Nothing rests on the timers and messages that end a tunnel: each stream asks for itself.
    const over = this.#options.standing(this.identity);
    if (over !== undefined) throw new PosternError('tunnel-absent', "the agent's credential holds no more");
    const link = chooseLink(this.#links);
    if (link === undefined) throw new PosternError('session-closed');
    const most = Math.min(this.#options.limits.streams, this.identity.limits?.streams ?? Infinity);
    if (this.streams >= most) throw new PosternError('stream-limit');
    if (!this.#opens.take()) throw new PosternError('stream-rate');
    const stream = link.session.open({ service, visitor });
    if (link.paused) this.#options.pauses.came(link, stream);
    return stream;
  }

  keeps(stream: Stream): boolean {
    const link = this.#linkOf(stream);
    return link !== undefined && maySettle(link, this.#links);
  }

  outwaited(stream: Stream | undefined): boolean {
    const { pauses } = this.#options;
    if (stream === undefined) return this.#links.every((link) => pauses.overdue(link));
    const link = this.#linkOf(stream);
    return link !== undefined && pauses.overdue(link);
  }

  spendLink(secret: string, from: string): boolean {
    const hash = this.#oneTimeLinks.spend(secret, from);
    if (hash === undefined) return false;
    this.#options.log.info({ address: from }, 'a one-time link was used');
    this.#tell({ type: 'link-spent', hash, from });
    return true;
  }

  renew(identity: Identity): void {
    this.#latest = { ...this.#latest, identity };
    const { owner, id: credentialId } = identity;
    this.#options.audit.record({ event: 'credential-renewed', owner, credentialId, names: this.names });
    this.#watchCredential();
  }

  judged(code: ErrorCode | undefined): void {
    const { expiresAt, id } = this.identity;
    const fields = { credentialId: id, until: new Date(expiresAt).toISOString(), code };
    this.#options.log.info(
      fields,
      code === undefined ? 'the credential was renewed' : 'a fresh credential was not taken',
    );
    this.#tell({ type: 'credential-judged', expiresAt, ...(code === undefined ? {} : { code }) });
  }

  /** Adds a link; what it says of services, access and credential holds from now on for the whole tunnel. */
  join(slot: number, joining: Joining, { start, waiting = () => false }: JoiningLink): TunnelLink<LiveTunnel> {
    this.#latest = joining;
    const { log } = this.#options;
    this.#job.registered(joining.registration.job);
    const session = start({
      onInfo: (info) => this.#heard(info),
      onGoAway: ({ code }) => log.info({ slot, code }, 'agent takes no new streams on this link'),
    });
    const link = new TunnelLink<LiveTunnel>(this, slot, session, waiting);
    this.#links.push(link);
    void session.closed.then((reason) => this.#lost(link, reason));
    this.#offer(joining.registration.links);
    this.#watchCredential();
    return link;
  }

  /** Destroys a link at once, because its successor is there. */
  drop(link: HeldLink): void {
    const found = this.#links.find((held) => held === link);
    found?.session.destroy(new PosternError('link-closed', 'a newer link of the same agent took its place'));
  }

  /** Says GOAWAY on every link, lets the streams end within the grace, and resolves when all links are gone. Idempotent. */
  async leave({ code, reconnectAfterMs, graceMs }: Farewell): Promise<void> {
    this.#leaving = true;
    this.#cancelDeadline();
    const ends = this.#links.map((link) => {
      link.session.goAway({ code, reconnectAfterMs });
      const timer = this.#clock.setTimeout(() => link.session.destroy(new PosternError(code)), graceMs);
      return link.session.close().finally(() => this.#clock.clearTimeout(timer));
    });
    await Promise.all(ends);
  }

  /** Ends every link now. */
  destroy(error: PosternError): void {
    this.#leaving = true;
    for (const link of [...this.#links]) link.session.destroy(error);
  }

  #linkOf(stream: Stream): TunnelLink<LiveTunnel> | undefined {
    return this.#links.find(({ session }) => stream.isOf(session));
  }

  #tell(info: Info): void {
    chooseLink(this.#links)?.session.sendInfo(info);
  }

  #heard(info: Info): void {
    if (info.type === 'readiness' && !this.hasService(info.service)) return;
    if (this.#isOld(info)) return;
    if (info.type === 'links') return this.#offer(info.hashes);
    if (info.type === 'credential') return this.#renewal.offered(info.credential);
    if (info.type === 'job' || info.type === 'idle') return this.#heardOfJob(info);
    if (info.type === 'readiness') this.#heardOfService(info);
  }

  #heardOfService(info: Extract<Info, { type: 'readiness' }>): void {
    const { ready, exit } = info;
    const known = this.#readiness.get(info.service);
    if (known?.ready === ready && known.exit === exit) return;
    this.#readiness.set(info.service, exit === undefined ? { ready } : { ready, exit });
    this.#options.log.info({ service: info.service, ready, exit }, ready ? 'service is ready' : 'service is not ready');
  }

  /** The same news comes over each link, and over one that was paused it comes late. */
  #isOld(info: Info): boolean {
    if (info.serial === undefined) return false;
    const subject = info.type === 'readiness' ? `${info.type} ${info.service}` : info.type;
    if (info.serial <= (this.#serials.get(subject) ?? -1)) return true;
    this.#serials.set(subject, info.serial);
    return false;
  }

  #heardOfJob(info: JobInfo | IdleInfo): void {
    this.#job.heard(info);
    if (info.type === 'job' && info.state !== 'running')
      this.#options.log.info({ state: info.state, reason: info.reason }, 'the job of the notebook ends');
  }

  /** Only to who asked for it. */
  #tellOfVisitors(info: ActivityInfo | KeepInfo): boolean {
    if (!this.#latest.registration.features.includes(ACTIVITY_FEATURE)) return false;
    this.#tell(info);
    return true;
  }

  /** An agent that missed the news offers a spent link again: it hears once more that it is spent. */
  #offer(hashes: readonly string[]): void {
    for (const { hash, from } of this.#oneTimeLinks.offer(hashes)) this.#tell({ type: 'link-spent', hash, from });
  }

  #lost(link: TunnelLink<LiveTunnel>, reason: PosternError): void {
    this.#links = this.#links.filter((held) => held !== link);
    this.#options.log.info({ slot: link.slot, code: reason.code, detail: reason.detail }, 'link is gone');
    this.#options.onSessionEnd(link.session, reason.code);
    if (this.#links.length > 0) return;
    this.#cancelDeadline();
    this.traffic.close();
    this.#options.onEnd(this);
  }

  #watchCredential(): void {
    this.#cancelDeadline();
    const { now, log } = this.#options;
    this.#cancelDeadline = watchDeadline({
      at: this.identity.expiresAt,
      warnBeforeMs: WARN_BEFORE_MS,
      clock: this.#clock,
      now,
      warn: (remainingMs) =>
        log.warn({ seconds: Math.round(remainingMs / 1000) }, 'the credential of this tunnel expires soon'),
      reached: () => {
        log.warn({}, 'the credential of this tunnel has expired');
        this.#options.onExpired(this);
      },
    });
  }
}
