// Receives every request of a visitor: reads where it leads, asks the gate, and starts the exchange or answers itself.

import { PosternError, type ErrorCode } from '../../shared/errors.ts';
import { OWN_SERVICE, type ServiceKind } from '../../shared/wire/handshake.ts';
import type { AccessBook } from '../auth/access-book.ts';
import type { Admission, Approach, Guarded } from '../auth/gate.ts';
import { Exchange } from '../forward/exchange.ts';
import { forwardedLines } from '../forward/headers.ts';
import { refuseRepeated } from '../forward/request-check.ts';
import type { Dialer, StreamPool } from '../forward/stream-pool.ts';
import { showsPage } from '../forward/notice.ts';
import type { JobView } from '../tunnels/job-status.ts';
import type { Traffic } from '../tunnels/traffic.ts';
import { apexPage } from './apex.ts';
import type { Behind } from './behind.ts';
import { API_PREFIX } from './api.ts';
import type { Api } from './api.ts';
import { enter } from './enter.ts';
import { neighbourOf, normalDomain, placeOf, WEB, type Place, type VisitedPlace } from './hostname.ts';
import { answerOwner } from './manage.ts';
import { ENTER_PATH } from './page-scripts.ts';
import { answerPass, beginPass, type PassDesk } from './pass.ts';
import { NOTICE_PATH } from '../forward/notice.ts';
import { KEEP_PATH, STATUS_PATH, keepAnswer, noticeAnswer, statusAnswer, type Told } from './status.ts';
import type { Answer } from './refusal.ts';
import { signInLink } from './sign-in-address.ts';
import type { SignInHost } from './sign-in.ts';
import { Presences } from './presence.ts';
import type { Asked, FrontVisit } from './visit.ts';

/** The part of a tunnel that visitors can reach. */
export interface VisitedTunnel extends Dialer, Guarded, Told {
  /** `http` when no kind is given. */
  hasService(service: string, kind?: ServiceKind): boolean;
  authorization(service: string): string | undefined;
  readonly traffic: Pick<Traffic, 'requested' | 'moved' | 'sent' | 'received' | 'connected'>;
  /** The notebook's pages ask this path by themselves: that is no use. */
  isQuiet(target: string): boolean;
  /** A visitor wants the notebook to be kept; false when its agent can't be told. */
  keep(from: string): boolean;
  /** The agent itself ends the visitors' TLS for this service, or passes it on: nothing of it is read here. */
  passesThrough(service: string): boolean;
}

export interface ReceptionOptions {
  /** Normalised: `notebooks.example.org`. */
  readonly domain: string;
  readonly directory: {
    find(name: string): VisitedTunnel | undefined;
    /** True when the name is somebody's, whose agent is not connected. */
    isKnown(name: string): boolean;
    /** What its last agent said; undefined when nothing is remembered. */
    lastWords(name: string): { readonly job: JobView | undefined } | undefined;
    /** Resolves when an expected tunnel is there, or is expected no more; undefined when there is nothing to wait for. */
    expected(name: string): Promise<void> | undefined;
  };
  readonly gate: {
    admit(approach: Approach, tunnel: VisitedTunnel): Admission | Promise<Admission>;
    admitOwner(approach: Approach, tunnel: VisitedTunnel): Promise<Admission>;
    enter(secret: string, place: VisitedPlace, tunnel: VisitedTunnel, address: string): string;
  };
  readonly passes: PassDesk;
  readonly behind: Behind;
  /** How long a visitor may send nothing of a body, in milliseconds. */
  readonly limits?: { readonly uploadIdleMs?: number } | undefined;
  readonly access: AccessBook;
  /** Undefined where nobody can sign in. */
  readonly signIn?: SignInHost | undefined;
  /** What programs of the site ask at the apex host. */
  readonly api?: Pick<Api, 'answer'> | undefined;
}

/** What the reception keeps of a visitor's connection: most requests on it ask for one host. */
export interface Acquaintance {
  readonly address: string;
  /** An HTTP proxy of ours, which asks for others. */
  readonly proxy: boolean;
  readonly streams: StreamPool;
  /** Where its last request led. */
  lead: Lead | undefined;
  /** Its certificate is the one for this host, so that requests for it may come on this connection. */
  covers(hostname: string): boolean;
}

/** Where a host leads, and what is made of it for the notebook. */
export interface Lead {
  readonly host: string;
  readonly place: Place;
  /** Host without port, lower case. */
  readonly hostname: string;
  readonly origin: string;
}

/** A request of which all is known that it says of itself. */
interface Wish {
  readonly place: VisitedPlace;
  readonly asked: Asked;
  readonly lead: Lead;
}

const OWN_PREFIX = '/_postern/';
const UPLOAD_IDLE_MS = 300_000;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #presences = new Presences();

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Never throws: whatever is wrong becomes the visitor's page. */
  receive(visit: FrontVisit, from: Acquaintance): void {
    try {
      this.#receive(visit, from);
    } catch (error) {
      visit.failed(error);
    }
  }

  /** The tunnel of a name; throws PosternError `tunnel-absent`, `job-preempted`, `job-ended` or `name-unknown`. */
  tunnel(name: string): VisitedTunnel {
    const tunnel = this.#options.directory.find(name);
    if (tunnel !== undefined) return tunnel;
    const { directory } = this.#options;
    const ended = endOf(directory.lastWords(name)?.job);
    throw new PosternError(ended ?? (directory.isKnown(name) ? 'tunnel-absent' : 'name-unknown'));
  }

  /** Asks again whether everybody who is here may be, and cuts those who may not. */
  recheck(): void {
    this.#presences.recheck();
  }

  /** Reads where a host leads, and remembers it for the connection. */
  acquaint(host: string, from: Acquaintance): Lead {
    if (from.lead?.host === host) return from.lead;
    from.lead = {
      host,
      place: placeOf(host, this.#options.domain),
      hostname: normalDomain(host.replace(/:[0-9]*$/, '')),
      origin: forwardedLines(host, from.address),
    };
    return from.lead;
  }

  #receive(visit: FrontVisit, from: Acquaintance): void {
    const host = visit.readHost();
    if (from.proxy) visit.address = this.#options.behind.visitorOf(visit.headers, from.address);
    const lead = this.acquaint(host, from);
    const { place } = lead;
    if (place.kind === 'name') visit.place = place;
    const asked = visit.read(host);
    refuseRepeated(asked.rawHeaders);
    // Its answer would show a page what the bastion adds to requests: the notebook's own token.
    if (asked.method === 'TRACE') throw new PosternError('method-refused', 'TRACE');
    if (!from.covers(lead.hostname)) throw new PosternError('misdirected', 'another certificate is in use for it');
    const { signIn } = this.#options;
    if (place.kind === 'name' && signIn?.serves(place.label) === true)
      this.#later(visit, signIn.answer(visit, asked.target, host));
    else if (place.kind === 'name') this.#visitName(visit, from, { place, asked, lead });
    else if (place.kind === 'apex') this.#visitApex(visit, asked.target);
    else if (place.kind === 'foreign') throw new PosternError('misdirected');
    else throw new PosternError('request-ambiguous', 'a Host that is no host name');
  }

  #visitApex(visit: FrontVisit, target: string): void {
    const { api, domain } = this.#options;
    if (api !== undefined && target.startsWith(API_PREFIX)) this.#later(visit, api.answer(visit, target));
    else visit.answer(apexPage(visit, target, domain));
  }

  #visitName(visit: FrontVisit, from: Acquaintance, wish: Wish): void {
    const { asked, lead, place } = wish;
    const expected = this.#options.directory.expected(place.name);
    if (expected !== undefined) return this.#wait(expected, visit, () => this.#visitName(visit, from, wish));
    const tunnel = this.tunnel(place.name);
    // A browser may ask for it on a connection that it opened for a neighbour; told so, it opens another one.
    if (tunnel.passesThrough(place.service)) throw new PosternError('end-to-end-only');
    if (this.#options.signIn !== undefined && place.service === WEB)
      visit.signIn = (again) => signInLink(asked.target, again);
    if (asked.target.startsWith(OWN_PREFIX)) return this.#ownPage(visit, wish, tunnel);
    if (place.service === OWN_SERVICE) return this.#manage(visit, wish, tunnel);
    this.#admit(visit, wish, tunnel, ({ inject, visitor, dropAuthorization, recheck }) => {
      serving(tunnel, place.service);
      const traffic = tunnel.isQuiet(asked.target) ? undefined : tunnel.traffic;
      traffic?.requested(asked.method);
      visit.traffic = traffic;
      const authorization = inject ? tunnel.authorization(place.service) : undefined;
      visit.exchange = new Exchange(visit, {
        streams: from.streams,
        destination: { dialer: tunnel, service: place.service, visitor, address: visit.address, alone: from.proxy },
        request: { ...asked, origin: originFor(visit, from, lead), dropAuthorization, authorization },
        host: lead.hostname,
        ...(traffic === undefined ? undefined : { traffic }),
        notice: tunnel.job?.notice === true && visitor !== 'public' && showsPage(asked.method, visit.headers),
        uploadIdleMs: this.#options.limits?.uploadIdleMs ?? UPLOAD_IDLE_MS,
      });
      if (recheck !== undefined)
        visit.presence = this.#presences.attend(recheck, (error) => visit.exchange?.cutOff(error));
      visit.exchange.start();
    });
  }

  #ownPage(visit: FrontVisit, wish: Wish, tunnel: VisitedTunnel): void {
    const { asked, place } = wish;
    const { gate, passes } = this.#options;
    if (asked.target === ENTER_PATH)
      return enter(visit, asked.target, (secret) => gate.enter(secret, place, tunnel, visit.address));
    const path = asked.target.split('?', 1)[0];
    if (!visit.upgrade && path === NOTICE_PATH) return visit.answer(noticeAnswer(visit));
    if (!visit.upgrade && (path === STATUS_PATH || path === KEEP_PATH))
      return this.#admit(visit, wish, tunnel, () => {
        const status = path === STATUS_PATH;
        visit.answer(status ? statusAnswer(visit, tunnel, Date.now()) : keepAnswer(visit, tunnel));
      });
    const has = (service: string): boolean => service === OWN_SERVICE || tunnel.hasService(service);
    const { method, headers, upgrade, requestId } = visit;
    const passing = { method, headers, upgrade, requestId, place, target: asked.target };
    visit.answer(answerPass(passes, passing, { owner: tunnel.identity.owner, has }));
  }

  /** The owner's own page, at a host where no code of the notebook runs. */
  #manage(visit: FrontVisit, wish: Wish, tunnel: VisitedTunnel): void {
    const { gate, access } = this.#options;
    // What its owner could decide here would hold for nobody: the bastion reads nothing of what visitors send.
    if (tunnel.passesThrough(WEB)) throw new PosternError('end-to-end-only');
    const { name } = wish.place;
    const { owner } = tunnel.identity;
    const { host } = wish.lead;
    const managed = { name, owner, asked: tunnel.policy, url: `https://${normalDomain(neighbourOf(host, name))}/` };
    gate
      .admitOwner(this.#approach(visit, wish), tunnel)
      .then(({ visitor }) => {
        visit.visitor = visitor;
        this.#later(visit, answerOwner(access, visit, wish.asked.target, managed));
      })
      .catch((error: unknown) => this.#refused(error, visit, wish));
  }

  #later(visit: FrontVisit, answer: Promise<Answer>): void {
    answer.then((found) => visit.answer(found)).catch((error: unknown) => visit.failed(error));
  }

  #approach({ upgrade, address, headers }: FrontVisit, { asked, place }: Wish): Approach {
    const { name, label } = place;
    return { name, label, method: asked.method, headers, upgrade, address };
  }

  /** Right after a restart, agents are on their way back: a visitor who is quicker need not be told so. */
  #wait(expected: Promise<void>, visit: FrontVisit, go: () => void): void {
    expected
      .then(() => {
        if (!visit.over) go();
      })
      .catch((error: unknown) => visit.failed(error));
  }

  /** Goes on at once when the gate answers at once, as it does for all but the first request of a script. */
  #admit(visit: FrontVisit, wish: Wish, tunnel: VisitedTunnel, go: (admission: Admission) => void): void {
    const approach = this.#approach(visit, wish);
    const proceed = (admitted: Admission): void => {
      if (visit.over) return;
      visit.visitor = admitted.visitor;
      go(admitted);
    };
    try {
      const admission = this.#options.gate.admit(approach, tunnel);
      if (!(admission instanceof Promise)) return proceed(admission);
      admission.then(proceed).catch((error: unknown) => this.#refused(error, visit, wish));
    } catch (error) {
      this.#refused(error, visit, wish);
    }
  }

  /** Who lacks a session only at this host of the name is sent to the one where there may be one. */
  #refused(error: unknown, visit: FrontVisit, { place, asked }: Wish): void {
    const { method, headers, upgrade, requestId } = visit;
    const passing = { method, headers, upgrade, requestId, place, target: asked.target };
    const lacksSession = error instanceof PosternError && error.code === 'sign-in-needed' && !visit.over;
    const redirect = lacksSession ? beginPass(this.#options.passes, passing) : undefined;
    if (redirect === undefined) visit.failed(error);
    else visit.answer(redirect);
  }
}

/** Throws when no request could be answered any more. */
function serving(tunnel: VisitedTunnel, service: string): void {
  if (!tunnel.hasService(service)) throw new PosternError('service-unknown');
  // An agent that is asked for a service whose program has ended could only say the same, later.
  if (tunnel.readiness(service)?.exit !== undefined) throw new PosternError(endOf(tunnel.job) ?? 'upstream-exited');
}

/** What to say of a job that is being ended, or was. */
function endOf(job: JobView | undefined): ErrorCode | undefined {
  if (job === undefined || job.state === 'running') return undefined;
  return job.state === 'preempted' ? 'job-preempted' : 'job-ended';
}

/** The lines that say who asks: on a proxy's connection, each request may be somebody else's. */
function originFor({ address }: FrontVisit, from: Acquaintance, lead: Lead): string {
  return address === from.address ? lead.origin : forwardedLines(lead.host, address);
}
