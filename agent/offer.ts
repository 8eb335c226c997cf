// One notebook offered to visitors: its supervised session, the streams served from its upstream, and the owner told where it is.

import { randomBytes } from 'node:crypto';

import { createBackoff } from '../shared/backoff.ts';
import { PosternError } from '../shared/errors.ts';
import { systemClock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import { VERSION } from '../shared/program/version.ts';
import { parsePolicy, type AccessPolicy } from '../shared/wire/access.ts';
import type { Acceptance, Info, Registration } from '../shared/wire/handshake.ts';
import { ACTIVITY_FEATURE, aged } from '../shared/wire/job.ts';
import type { ActivityInfo, IdleInfo, JobFacts, JobInfo, KeepInfo } from '../shared/wire/job.ts';
import { createAnnouncer, type AnnounceOptions, type Announcer } from './announce.ts';
import { createReach, type CommonPlan } from './reach.ts';
import { OneTimeLink } from './links.ts';
import { Credential } from './credential.ts';
import type { EndToEnd } from './end-to-end.ts';
import type { CommonValues } from './options.ts';
import type { ResumeEvents } from './resume.ts';
import { readSecretFile } from './secret-file.ts';
import { createServe, WEB, type Phase } from './serve.ts';
import { serviceUrls, type Services, type ServiceUrl } from './services.ts';
import { Slots, type SlotEvents } from './slots.ts';
import type { Upstream } from './upstreams/upstream.ts';

const LONGEST_MESSAGE = 65_536;
const BACKOFF = { baseMs: 200, capMs: 30_000 } as const;

export interface OfferOptions {
  readonly values: CommonValues;
  readonly upstream: Upstream;
  /** What visitors can reach beside it. */
  readonly services: Services;
  /** Where proxies are told. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The Authorization value that the notebook accepts, if the bastion shall add it. */
  readonly authorization: string | undefined;
  /** Where visitors' TLS ends here. */
  readonly endToEnd: EndToEnd | undefined;
  /** The notebook's own token, for a link that opens it where no bastion can; a secret. */
  readonly token: string | undefined;
  readonly terminal: AnnounceOptions['terminal'];
  readonly log: Log;
  /** Beginnings of paths that its pages ask by themselves. */
  readonly quiet: readonly string[];
  /** What the bastion is to know of the job; asked for at each registration. */
  job(): JobFacts;
  /** The notebook has this address; told again when it changes. */
  located(url: string): void;
  /** What the bastion says of visitors. */
  heard?(info: ActivityInfo | KeepInfo): void;
}

/** From the first registration to the end. */
export class Offer {
  /** Resolves with the refusal that ended it, or `session-closed`, or `replaced`. */
  readonly ended: Promise<PosternError>;
  readonly #options: OfferOptions;
  readonly #log: Log;
  readonly #slots: Slots;
  readonly #credential: Credential;
  readonly #link = new OneTimeLink();
  readonly #announcer: Announcer;
  readonly #replaced = Promise.withResolvers<PosternError>();
  /** The last of each type, for sessions that begin later. */
  readonly #told = new Map<string, { readonly info: JobInfo | IdleInfo; readonly at: number }>();
  #phase: Phase = 'starting';
  #exit: number | undefined;
  #url: string | undefined;
  #serviceUrls: readonly ServiceUrl[] = [];

  /** Throws `options-invalid` when a file that an option names can't be used. */
  constructor(options: OfferOptions) {
    const { values, log } = options;
    this.#options = options;
    this.#log = log;
    this.#announcer = createAnnouncer({ terminal: options.terminal, linkFile: values.linkFile, log });
    this.#credential = new Credential({
      read: () => readSecretFile(values.tokenFile),
      send: (info) => this.#slots.sendInfo(info),
      log,
      clock: systemClock,
      now: Date.now,
    });
    const clock = systemClock;
    const random = Math.random;
    this.#slots = new Slots({
      count: values.links,
      dial: createReach({ values, env: options.env, clock, random, log }, this.#plan()),
      backoff: () => createBackoff({ ...BACKOFF, random }),
      clock,
      random,
      events: this.#events(),
    });
    this.ended = Promise.race([this.#slots.closed, this.#replaced.promise]);
  }

  start(): void {
    this.#log.info({ bastion: this.#options.values.bastion, upstream: this.#options.upstream.label }, 'Registering');
    this.#slots.start();
  }

  /** The notebook has answered for the first time. */
  ready(): void {
    if (this.#phase !== 'starting') return;
    this.#phase = 'ready';
    this.#log.info({ upstream: this.#options.upstream.label }, 'The notebook answers');
    this.#slots.sendInfo(this.#readiness());
  }

  /** Tells the bastion, and every bastion after it. */
  tell(info: JobInfo | IdleInfo): void {
    this.#told.set(info.type, { info, at: performance.now() });
    this.#slots.sendInfo(info);
  }

  /** The notebook's program has ended with this code. */
  exited(code: number): void {
    this.#phase = 'exited';
    this.#exit = code;
    this.#slots.sendInfo(this.#readiness());
  }

  /** Lets running exchanges finish within the grace period, then cuts the rest. */
  async close(): Promise<void> {
    const cut = systemClock.setTimeout(() => this.destroy(), this.#options.values.grace);
    this.#credential.close();
    this.#options.endToEnd?.close();
    await Promise.all([this.#slots.close(), this.#announcer.close()]);
    systemClock.clearTimeout(cut);
  }

  destroy(): void {
    this.#credential.close();
    this.#options.endToEnd?.close();
    this.#slots.destroy(new PosternError('session-closed'));
  }

  /** What each link dials with; all of them are one agent to the bastion. */
  #plan(): (slot: number) => CommonPlan {
    const { values } = this.#options;
    const registration = this.#registration();
    const onStream = this.#serve();
    return (slot) => ({
      tokenFile: values.tokenFile,
      zeroMask: values.zeroMask,
      timeoutMs: values.dialTimeout,
      registration: () => ({ ...registration, slot, links: this.#hashes(), job: this.#options.job() }),
      onStream,
      onInfo: (info) => this.#informed(info),
      pauses: this.#pauses(slot),
    });
  }

  #registration(): Omit<Registration, 'links' | 'slot' | 'job'> {
    const { values, authorization, services, endToEnd } = this.#options;
    return {
      agent: `postern-agent/${VERSION}`,
      instance: randomBytes(16).toString('hex'),
      names: [values.name],
      ...accessOf(parsePolicy(values.access)),
      services: [{ name: WEB, ...(authorization === undefined ? {} : { authorization }) }, ...services.offers],
      ...(services.ports.length === 0 ? {} : { ports: services.ports }),
      ...(endToEnd === undefined ? {} : { tls: endToEnd.registration }),
      features: [ACTIVITY_FEATURE],
      ...(this.#options.quiet.length === 0 ? {} : { quiet: this.#options.quiet }),
      limits: { credit: values.streamCredit, streams: values.streams, message: LONGEST_MESSAGE },
    };
  }

  #serve(): ReturnType<typeof createServe> {
    const { upstream, services, values, endToEnd } = this.#options;
    const web = { name: WEB, upstream, phase: () => this.#phase };
    return createServe({
      services: { get: (name) => (name === WEB ? web : services.get(name)) },
      connectTimeoutMs: values.connectTimeout,
      limits: { streams: values.streams, opens: { perSecond: values.streamRate, burst: values.streamBurst } },
      ...(endToEnd === undefined ? {} : { endToEnd: { ...endToEnd, names: [values.name] } }),
      clock: systemClock,
      log: this.#log,
    });
  }

  /** The bastion asks who comes. */
  get #hasLink(): boolean {
    return this.#options.values.access !== 'public' && this.#options.endToEnd === undefined;
  }

  #hashes(): string[] {
    return this.#hasLink ? [this.#link.hash] : [];
  }

  #readiness(): Info {
    const exit = this.#exit === undefined ? {} : { exit: this.#exit };
    return { type: 'readiness', service: WEB, ready: this.#phase === 'ready', ...exit };
  }

  #informed(info: Info): void {
    if (info.type === 'activity' || info.type === 'keep') return this.#options.heard?.(info);
    if (info.type === 'certificate') return this.#options.endToEnd?.answered(info);
    if (info.type === 'credential-judged') return this.#credential.judged(info);
    if (info.type !== 'link-spent') return;
    const renewed = this.#link.renew(info.hash);
    // Also when the news is old: then a registration that was on its way told the bastion of a link that is none any more.
    this.#slots.sendInfo({ type: 'links', hashes: this.#hashes() });
    if (!renewed) return;
    this.#log.info({ from: info.from }, 'The one-time link was used');
    this.#announce('link-spent');
  }

  #announce(reason: 'registered' | 'link-spent'): void {
    if (this.#url === undefined) return;
    const link = this.#linkTo(this.#url);
    this.#announcer.announce({ url: this.#url, link, once: this.#hasLink, services: this.#serviceUrls, reason });
  }

  /** With its secret; undefined where none is needed. */
  #linkTo(url: string): string | undefined {
    const { endToEnd, token } = this.#options;
    if (this.#hasLink) return this.#link.urlFor(url);
    if (endToEnd === undefined || token === undefined) return undefined;
    const link = new URL(url);
    link.searchParams.set('token', token);
    return link.href;
  }

  #events(): SlotEvents {
    const seconds = (ms: number): number => Math.round(ms / 100) / 10;
    return {
      up: (slot, { session, acceptance }) => {
        this.#options.endToEnd?.registered(session, acceptance.session);
        session.sendInfo(this.#slots.number(this.#readiness()));
        for (const known of this.#told.values())
          session.sendInfo(this.#slots.number(aged(known.info, performance.now() - known.at)));
        this.#registered(slot, acceptance);
      },
      failed: (slot, err, waitMs) =>
        this.#log.warn(
          { code: err.code, waitSeconds: seconds(waitMs), ...this.#which(slot) },
          `Not registered: ${err.message}`,
        ),
      lost: (slot, err, waitMs) =>
        this.#log.warn(
          { code: err.code, waitSeconds: seconds(waitMs), ...this.#which(slot) },
          `Connecting again: ${err.message}`,
        ),
      replaced: () => {
        const error = new PosternError('replaced');
        this.#log.warn({ code: error.code }, `${error.message}; this agent serves no visitors any more`);
        this.#replaced.resolve(error);
      },
    };
  }

  #pauses(slot: number): ResumeEvents {
    const which = this.#which(slot);
    return {
      paused: (err) =>
        this.#log.warn({ code: err.code, ...which }, `The connection broke; what is under way waits: ${err.message}`),
      resumed: (afterMs) =>
        this.#log.info({ afterMs: Math.round(afterMs), ...which }, 'The connection is back; everything goes on'),
    };
  }

  /** For the log, where there are several. */
  #which(slot: number): { slot?: number } {
    return this.#options.values.links > 1 ? { slot } : {};
  }

  #registered(slot: number, acceptance: Acceptance): void {
    this.#credential.holdsUntil(acceptance.expiresAt);
    const url = acceptance.urls[this.#options.values.name];
    const until = new Date(acceptance.expiresAt).toISOString();
    const services = this.#urlsOfServices(acceptance);
    const told = services.length > 0 ? { services } : {};
    this.#log.info({ url, session: acceptance.session, until, ...told, ...this.#which(slot) }, 'Registered');
    if (url === undefined || url === this.#url) return;
    this.#url = url;
    this.#serviceUrls = services;
    this.#options.located(url);
    this.#announce('registered');
  }

  #urlsOfServices({ serviceUrl }: Acceptance): ServiceUrl[] {
    const { services, values } = this.#options;
    if (serviceUrl !== undefined) return serviceUrls(values.name, services, serviceUrl);
    if (services.offers.length + services.ports.length > 0)
      this.#log.warn({}, 'This bastion has no addresses for --service and --allow-port: they cannot be visited');
    return [];
  }
}

/** An older bastion knows only private and public: whom else to let in it is not told as something wider. */
function accessOf(policy: AccessPolicy): Pick<Registration, 'access' | 'policy'> {
  if (policy.kind === 'public' || policy.kind === 'private') return { access: policy.kind };
  return { access: 'private', policy };
}
