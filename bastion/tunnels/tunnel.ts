// A tunnel: one agent's sessions, its identity and the names it serves; for everybody above, something that opens streams.

import { PosternError } from '../../shared/errors.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import type { Clock } from '../../shared/mux/clock.ts';
import type { Session, SessionOptions } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import type { Log } from '../../shared/program/log.ts';
import type { Access, Info, Registration } from '../../shared/wire/handshake.ts';
import type { Identity } from '../auth/authenticator.ts';
import type { Standing } from '../auth/revocations.ts';
import { watchDeadline } from './deadline.ts';
import { OneTimeLinks } from './links.ts';
import type { SpentLinks } from './links.ts';
import type { HeldLink, HeldTunnel } from './registration.ts';

/** What the front, the gate and the exchange may ask of a tunnel. */
export interface Tunnel {
  readonly identity: Identity;
  readonly names: readonly string[];
  readonly access: Access;
  hasService(service: string): boolean;
  /** The Authorization value that the notebook accepts; a secret. */
  authorization(service: string): string | undefined;
  /** What the agent last said of the service; undefined as long as it said nothing. */
  readiness(service: string): { ready: boolean; exit?: number } | undefined;
  /** A new stream, at once. Throws PosternError: tunnel-absent (its credential is over), stream-limit, draining, session-closed. */
  open(service: string, visitor: string): Stream;
  /** True once for each one-time secret. */
  spendLink(secret: string, from: string): boolean;
}

/** One link of a tunnel and the session that runs over it. */
export interface TunnelLink extends HeldLink {
  readonly session: Session;
  leaving: boolean;
  /** True while its WebSocket is lost and it waits to be resumed. */
  paused(): boolean;
}

/** How a tunnel is told to go, and how long its last streams may take; milliseconds. */
export interface Farewell {
  readonly code: ErrorCode;
  readonly reconnectAfterMs: number;
  readonly graceMs: number;
}

export interface TunnelOptions {
  readonly instance: string;
  readonly names: readonly string[];
  readonly spent: SpentLinks;
  readonly log: Log;
  /** How long a visitor who comes while the link is lost waits for its return, in milliseconds. */
  readonly pausePatienceMs: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly clock?: Clock;
  /** Whether its credential still holds. */
  readonly standing: Standing;
  /** Once, when its last link is gone. */
  onEnd(tunnel: LiveTunnel): void;
  /** When the credential has expired: time to take it out of the directory. */
  onExpired(tunnel: LiveTunnel): void;
  /** A session of it is over; its figures are final. */
  onSessionEnd(session: Session, reason: ErrorCode): void;
}

/** What a link brings to the tunnel that it joins. */
export interface Joining {
  readonly identity: Identity;
  readonly registration: Registration;
}

type SessionListeners = Required<Pick<SessionOptions, 'onInfo' | 'onGoAway'>>;

/** How long before its end a tunnel's log warns, in milliseconds. */
const WARN_BEFORE_MS = 600_000;

/** A tunnel with at least one link in this process. */
export class LiveTunnel implements Tunnel, HeldTunnel {
  readonly #options: TunnelOptions;
  readonly #clock: Clock;
  readonly #oneTimeLinks: OneTimeLinks;
  readonly #readiness = new Map<string, { ready: boolean; exit?: number }>();
  #latest: Joining;
  #links: TunnelLink[] = [];
  #leaving = false;
  #cancelDeadline: () => void = () => {};

  constructor(options: TunnelOptions, first: Joining) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#oneTimeLinks = new OneTimeLinks(options.spent);
    this.#latest = first;
  }

  get identity(): Identity {
    return this.#latest.identity;
  }

  get owner(): string {
    return this.identity.owner;
  }

  get instance(): string {
    return this.#options.instance;
  }

  get names(): readonly string[] {
    return this.#options.names;
  }

  get access(): Access {
    return this.#latest.registration.access;
  }

  get links(): readonly TunnelLink[] {
    return this.#links;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** All of its links are lost and wait to be resumed. */
  get paused(): boolean {
    return this.#links.length > 0 && this.#links.every((link) => link.paused());
  }

  hasService(service: string): boolean {
    return this.#latest.registration.services.some(({ name }) => name === service);
  }

  authorization(service: string): string | undefined {
    return this.#latest.registration.services.find(({ name }) => name === service)?.authorization;
  }

  readiness(service: string): { ready: boolean; exit?: number } | undefined {
    return this.#readiness.get(service);
  }

  open(service: string, visitor: string): Stream {
    // Nothing rests on the timers and messages that end a tunnel: each stream asks for itself.
    const over = this.#options.standing(this.identity);
    if (over !== undefined) throw new PosternError('tunnel-absent', "the agent's credential holds no more");
    const link = this.#bestLink();
    const stream = link.session.open({ service, visitor });
    if (link.paused()) this.#waitFor(link, stream);
    return stream;
  }

  spendLink(secret: string, from: string): boolean {
    const hash = this.#oneTimeLinks.spend(secret, from);
    if (hash === undefined) return false;
    this.#options.log.info({ address: from }, 'a one-time link was used');
    this.#tell({ type: 'link-spent', hash, from });
    return true;
  }

  /** Adds a link; what it says of services, access and credential holds from now on for the whole tunnel. */
  join(
    slot: number,
    joining: Joining,
    start: (listeners: SessionListeners) => Session,
    paused: () => boolean = () => false,
  ): void {
    this.#latest = joining;
    const session = start({
      onInfo: (info) => this.#heard(info),
      onGoAway: ({ code }) => this.#agentLeaves(link, code),
    });
    const link: TunnelLink = { slot, session, leaving: false, paused };
    this.#links.push(link);
    void session.closed.then((reason) => this.#lost(link, reason));
    this.#offer(joining.registration.links);
    this.#watchCredential();
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
      link.leaving = true;
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

  /** What arrives during a pause waits in the hope of its end, but not for ever. */
  #waitFor(link: TunnelLink, stream: Stream): void {
    const timer = this.#clock.setTimeout(() => {
      if (link.paused()) stream.destroy(new PosternError('tunnel-paused'));
    }, this.#options.pausePatienceMs);
    stream.once('close', () => this.#clock.clearTimeout(timer));
  }

  /** The link with the fewest streams among those that take new ones, paused ones last. */
  #bestLink(): TunnelLink {
    let best: TunnelLink | undefined;
    for (const link of this.#links) if (best === undefined || better(link, best)) best = link;
    if (best === undefined) throw new PosternError('session-closed');
    return best;
  }

  #tell(info: Info): void {
    const link = this.#links.find(({ leaving }) => !leaving) ?? this.#links[0];
    link?.session.sendInfo(info);
  }

  #heard(info: Info): void {
    if (info.type === 'links') return this.#offer(info.hashes);
    if (info.type !== 'readiness' || !this.hasService(info.service)) return;
    const { ready, exit } = info;
    this.#readiness.set(info.service, exit === undefined ? { ready } : { ready, exit });
    this.#options.log.info({ service: info.service, ready, exit }, ready ? 'service is ready' : 'service is not ready');
  }

  /** An agent that missed the news offers a spent link again: it hears once more that it is spent. */
  #offer(hashes: readonly string[]): void {
    for (const { hash, from } of this.#oneTimeLinks.offer(hashes)) this.#tell({ type: 'link-spent', hash, from });
  }

  #agentLeaves(link: TunnelLink, code: ErrorCode): void {
    link.leaving = true;
    this.#options.log.info({ slot: link.slot, code }, 'agent takes no new streams on this link');
  }

  #lost(link: TunnelLink, reason: PosternError): void {
    this.#links = this.#links.filter((held) => held !== link);
    this.#options.log.info({ slot: link.slot, code: reason.code, detail: reason.detail }, 'link is gone');
    this.#options.onSessionEnd(link.session, reason.code);
    if (this.#links.length > 0) return;
    this.#cancelDeadline();
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

function better(link: TunnelLink, best: TunnelLink): boolean {
  if (link.leaving !== best.leaving) return best.leaving;
  if (link.paused() !== best.paused()) return best.paused();
  return link.session.streams < best.session.streams;
}
