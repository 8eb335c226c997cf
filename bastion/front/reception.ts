// Receives every request of a visitor: reads where it leads, asks the gate, and starts the exchange or answers itself.

import { PosternError } from '../../shared/errors.ts';
import type { Admission, Approach, Guarded } from '../auth/gate.ts';
import { Exchange } from '../forward/exchange.ts';
import { forwardedLines } from '../forward/headers.ts';
import type { Dialer, StreamPool } from '../forward/stream-pool.ts';
import { apexPage } from './apex.ts';
import { enter } from './enter.ts';
import { normalDomain, placeOf, type Place } from './hostname.ts';
import type { Asked, FrontVisit } from './visit.ts';

/** The part of a tunnel that visitors can reach. */
export interface VisitedTunnel extends Dialer, Guarded {
  hasService(service: string): boolean;
  authorization(service: string): string | undefined;
  readiness(service: string): { ready: boolean; exit?: number } | undefined;
}

export interface ReceptionOptions {
  /** Normalised: `notebooks.example.org`. */
  readonly domain: string;
  readonly directory: {
    find(name: string): VisitedTunnel | undefined;
    /** True when the name is somebody's, whose agent is not connected. */
    isKnown(name: string): boolean;
    /** Resolves when an expected tunnel is there, or is expected no more; undefined when there is nothing to wait for. */
    expected(name: string): Promise<void> | undefined;
  };
  readonly gate: {
    admit(approach: Approach, tunnel: VisitedTunnel): Admission | Promise<Admission>;
    enter(secret: string, name: string, tunnel: VisitedTunnel, address: string): string;
  };
}

/** What the reception keeps of a visitor's connection: most requests on it ask for one host. */
export interface Acquaintance {
  readonly address: string;
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
  readonly asked: Asked;
  readonly lead: Lead;
}

/** The service that `NAME.domain` leads to. */
const WEB = 'web';
const OWN_PREFIX = '/_postern/';

export class Reception {
  readonly #options: ReceptionOptions;
  /** Visits under way whose right to be here may end before they do. */
  readonly #present = new Map<FrontVisit, NonNullable<Admission['recheck']>>();

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

  /** The tunnel of a name; throws PosternError `tunnel-absent` or `name-unknown`. */
  tunnel(name: string): VisitedTunnel {
    const tunnel = this.#options.directory.find(name);
    if (tunnel !== undefined) return tunnel;
    throw new PosternError(this.#options.directory.isKnown(name) ? 'tunnel-absent' : 'name-unknown');
  }

  /** Asks again whether everybody who is here may be, and cuts those who may not. */
  recheck(): void {
    for (const [visit, recheck] of [...this.#present]) {
      const error = recheck();
      if (error !== undefined) visit.exchange?.cutOff(error);
    }
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
    const lead = this.acquaint(host, from);
    const { place } = lead;
    if (place.kind === 'name') visit.name = place.name;
    const asked = visit.read(host);
    if (!from.covers(lead.hostname)) throw new PosternError('misdirected', 'another certificate is in use for it');
    if (place.kind === 'name') this.#visitName(visit, from, { asked, lead });
    else if (place.kind === 'apex') visit.answer(apexPage(visit, asked.target, this.#options.domain));
    else if (place.kind === 'foreign') throw new PosternError('misdirected');
    else throw new PosternError('request-ambiguous', 'a Host that is no host name');
  }

  #visitName(visit: FrontVisit, from: Acquaintance, wish: Wish): void {
    const { name } = visit;
    const expected = this.#options.directory.expected(name);
    if (expected !== undefined) return this.#wait(expected, visit, () => this.#visitName(visit, from, wish));
    const tunnel = this.tunnel(name);
    const { asked, lead } = wish;
    if (asked.target.startsWith(OWN_PREFIX)) {
      const { gate } = this.#options;
      return enter(visit, asked.target, (secret) => gate.enter(secret, name, tunnel, from.address));
    }
    this.#admit(visit, asked.method, tunnel, ({ inject, visitor, dropAuthorization, recheck }) => {
      const authorization = inject ? tunnel.authorization(WEB) : undefined;
      visit.exchange = new Exchange(visit, {
        streams: from.streams,
        destination: { dialer: tunnel, service: WEB, visitor, address: from.address },
        request: { ...asked, origin: lead.origin, dropAuthorization, authorization },
        host: lead.hostname,
      });
      if (recheck !== undefined) this.#attend(visit, recheck);
      visit.exchange.start();
    });
  }

  #attend(visit: FrontVisit, recheck: () => PosternError | undefined): void {
    this.#present.set(visit, recheck);
    visit.onOver = () => this.#present.delete(visit);
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
  #admit(visit: FrontVisit, method: string, tunnel: VisitedTunnel, go: (admission: Admission) => void): void {
    const { name, upgrade, host, headers } = visit;
    const admission = this.#options.gate.admit({ name, method, headers, upgrade, address: host.address }, tunnel);
    const proceed = (admitted: Admission): void => {
      if (visit.over) return;
      visit.visitor = admitted.visitor;
      if (!tunnel.hasService(WEB)) throw new PosternError('service-unknown');
      // An agent that is asked for a service whose program has ended could only say the same, later.
      if (tunnel.readiness(WEB)?.exit !== undefined) throw new PosternError('upstream-exited');
      go(admitted);
    };
    if (!(admission instanceof Promise)) return proceed(admission);
    admission.then(proceed).catch((error: unknown) => visit.failed(error));
  }
}
