// Receives every request of a visitor: reads where it leads, asks the gate, and starts the exchange or answers itself.

import { PosternError } from '../../shared/errors.ts';
import type { Admission, Approach, Guarded } from '../auth/gate.ts';
import { Exchange } from '../forward/exchange.ts';
import { forwardedLines, type Upload } from '../forward/headers.ts';
import { readHost, readTarget, readUpload } from '../forward/request-check.ts';
import type { Dialer, StreamPool } from '../forward/stream-pool.ts';
import { apexPage } from './apex.ts';
import { enter } from './enter.ts';
import { normalDomain, placeOf, type Place } from './hostname.ts';
import type { Http1Visit } from './http1-visit.ts';

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
    lostAt(name: string): number | undefined;
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
  host: string | undefined;
  place: Place;
  /** Host without port, lower case. */
  hostname: string;
  origin: string;
}

/** The service that `NAME.domain` leads to. */
const WEB = 'web';
const OWN_PREFIX = '/_postern/';
const MAX_HEADERS = 256;

export class Reception {
  readonly #options: ReceptionOptions;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Never throws: whatever is wrong becomes the visitor's page. */
  receive(visit: Http1Visit, from: Acquaintance): void {
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
    throw new PosternError(this.#options.directory.lostAt(name) === undefined ? 'name-unknown' : 'tunnel-absent');
  }

  /** Reads the place that a Host header leads to, and remembers it for the connection. */
  acquaint(host: string, from: Acquaintance): Place {
    if (from.host === host) return from.place;
    from.place = placeOf(host, this.#options.domain);
    from.hostname = normalDomain(host.replace(/:[0-9]*$/, ''));
    from.origin = forwardedLines(host, from.address);
    from.host = host;
    return from.place;
  }

  #receive(visit: Http1Visit, from: Acquaintance): void {
    const { rawHeaders, url = '', method = 'GET', httpVersionMinor, httpVersionMajor } = visit.request;
    if (rawHeaders.length > 2 * MAX_HEADERS) throw new PosternError('header-too-large', 'too many header fields');
    if (httpVersionMajor !== 1) throw new PosternError('request-ambiguous', 'an unknown version of HTTP');
    const host = readHost(rawHeaders);
    const place = this.acquaint(host, from);
    if (place.kind === 'name') visit.name = place.name;
    const upload = readUpload(rawHeaders, httpVersionMinor > 0);
    const target = readTarget(url, method, host);
    if (visit.upgrade && upload !== 'none' && upload !== 0)
      throw new PosternError('request-ambiguous', 'an upgrade with a body');
    if (place.kind === 'name') this.#visitName(visit, from, { target, upload });
    else if (place.kind === 'apex') visit.answer(apexPage(visit, target, this.#options.domain));
    else if (place.kind === 'foreign') throw new PosternError('misdirected');
    else throw new PosternError('request-ambiguous', 'a Host that is no host name');
  }

  #visitName(visit: Http1Visit, from: Acquaintance, { target, upload }: { target: string; upload: Upload }): void {
    const { name } = visit;
    const expected = this.#options.directory.expected(name);
    if (expected !== undefined)
      return this.#wait(expected, visit, () => this.#visitName(visit, from, { target, upload }));
    const tunnel = this.tunnel(name);
    if (target.startsWith(OWN_PREFIX)) {
      const { gate } = this.#options;
      return enter(visit, target, (secret) => gate.enter(secret, name, tunnel, from.address));
    }
    this.#admit(visit, tunnel, ({ inject, visitor, dropAuthorization }) => {
      const { rawHeaders, method = 'GET', headers } = visit.request;
      const authorization = inject ? tunnel.authorization(WEB) : undefined;
      const upgrade = visit.upgrade ? headers.upgrade : undefined;
      const { origin, address, streams, hostname } = from;
      visit.exchange = new Exchange(visit, {
        streams,
        destination: { dialer: tunnel, service: WEB, visitor, address },
        request: { method, target, rawHeaders, upload, upgrade, origin, dropAuthorization, authorization },
        host: hostname,
      });
      visit.exchange.start();
    });
  }

  /** Right after a restart, agents are on their way back: a visitor who is quicker need not be told so. */
  #wait(expected: Promise<void>, visit: Http1Visit, go: () => void): void {
    expected
      .then(() => {
        if (!visit.over) go();
      })
      .catch((error: unknown) => visit.failed(error));
  }

  /** Goes on at once when the gate answers at once, as it does for all but the first request of a script. */
  #admit(visit: Http1Visit, tunnel: VisitedTunnel, go: (admission: Admission) => void): void {
    const { headers, method = 'GET' } = visit.request;
    const { name, upgrade, host } = visit;
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
