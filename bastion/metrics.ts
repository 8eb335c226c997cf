// The bastion's metrics (door of prom-client): gauges read the live objects when they are asked, counters hear of events.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

import type { ErrorCode } from '../shared/errors.ts';
import type { Session } from '../shared/mux/session.ts';
import { add, quantiles, sessions, sum, totals } from './figures.ts';
import type { Totals } from './figures.ts';
import type { ExchangeRecord } from './front/front.ts';
import type { LiveTunnel } from './tunnels/tunnel.ts';

/** What is looked at when somebody asks for the metrics. */
export interface Observed {
  readonly tunnels: ReadonlySet<LiveTunnel>;
  /** Registrations under way. */
  handshakes(): number;
  /** Bytes of credit granted to all streams. */
  grantedBytes(): number;
  /** Visitors' connections that speak another protocol now. */
  upgrades(): number;
  /** Visitors' connections whose TLS is passed on undecrypted. */
  passthroughs(): number;
  /** Unix milliseconds. */
  certificateExpiresAt(): number;
}

export interface Metrics {
  handshake(result: 'accepted' | 'resumed' | ErrorCode): void;
  /** A link was lost; its session waits to be resumed. */
  paused(): void;
  /** A session is over: its figures will not change any more. */
  sessionEnded(session: Session, reason: ErrorCode): void;
  exchange(record: ExchangeRecord): void;
  /** All of them in Prometheus's text format. */
  text(): Promise<string>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createMetrics(observed: Observed): Metrics {
  const registry = new Registry();
  // Memory, CPU, event-loop lag, garbage collection, under the names that every Node program uses.
  collectDefaultMetrics({ register: registry });
  const finished: Totals = { bytesIn: 0, bytesOut: 0, streamsOpened: 0 };
  observeTunnels(registry, observed);
  observeJobs(registry, observed);
  observeLinks(registry, observed);
  observeSessions(registry, observed, finished);
  observeFlow(registry, observed);
  observeFront(registry, observed);
  const { paused, resumed } = countPauses(registry);
  const exchanges = countExchanges(registry);
  const handshakes = new Counter({
    name: 'postern_handshakes_total',
    help: 'Registrations of agents, by result: accepted, or the code of the refusal.',
    labelNames: ['result'],
    registers: [registry],
  });
  const ended = new Counter({
    name: 'postern_sessions_ended_total',
    help: 'Sessions with agents that are over, by the code of the reason.',
    labelNames: ['code'],
    registers: [registry],
  });
  return {
    handshake: (result) => {
      handshakes.inc({ result });
      if (result === 'resumed') resumed();
    },
    paused,
    sessionEnded: ({ stats }, code) => {
      add(finished, stats);
      ended.inc({ code });
    },
    exchange: exchanges,
    text: () => registry.metrics(),
  };
}

function observeTunnels(registry: Registry, observed: Observed): void {
  const registers = [registry];
  new Gauge({
    name: 'postern_tunnels',
    help: 'Tunnels: serving their names, or leaving and finishing their last streams.',
    labelNames: ['state'],
    registers,
    collect() {
      const leaving = [...observed.tunnels].filter((tunnel) => tunnel.leaving).length;
      this.set({ state: 'leaving' }, leaving);
      this.set({ state: 'serving' }, observed.tunnels.size - leaving);
    },
  });
  new Gauge({
    name: 'postern_tunnel_rtt_seconds',
    help: 'Round trip between bastion and agents: median, ninth decile and worst of the tunnels.',
    labelNames: ['quantile'],
    registers,
    collect() {
      setQuantiles(
        this,
        sessions(observed)
          .flatMap(({ stats }) => stats.roundTripMs ?? [])
          .map((ms) => ms / 1000),
      );
    },
  });
  new Gauge({
    name: 'postern_tunnels_paused',
    help: 'Tunnels whose connection is lost; everything in them waits for it to be resumed.',
    registers,
    collect() {
      this.set([...observed.tunnels].filter((tunnel) => tunnel.paused).length);
    },
  });
  new Gauge({
    name: 'postern_handshakes_in_flight',
    help: 'Registrations of agents under way.',
    registers,
    collect() {
      this.set(observed.handshakes());
    },
  });
}

/** Only of agents that say something of their job. */
function observeJobs(registry: Registry, observed: Observed): void {
  const registers = [registry];
  const jobs = (): NonNullable<LiveTunnel['job']>[] => [...observed.tunnels].flatMap(({ job }) => job ?? []);
  new Gauge({
    name: 'postern_jobs',
    help: "Batch jobs behind the tunnels, by scheduler and state: used, idle, or on their way out ('ending', 'preempted').",
    labelNames: ['scheduler', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { scheduler, state, idleSince } of jobs()) {
        // What agents call their scheduler is theirs to choose: it must not become a label without bound.
        const known = ['slurm', 'htcondor', 'none'].includes(scheduler) ? scheduler : 'other';
        this.inc({ scheduler: known, state: state !== 'running' ? state : idleSince === undefined ? 'used' : 'idle' });
      }
    },
  });
  new Gauge({
    name: 'postern_jobs_idle_seconds',
    help: 'For how long notebooks have not been used: median, ninth decile and longest of those that are idle.',
    labelNames: ['quantile'],
    registers,
    collect() {
      const now = Date.now();
      setQuantiles(
        this,
        jobs().flatMap(({ idleSince }) => (idleSince === undefined ? [] : Math.max(0, now - idleSince) / 1000)),
      );
    },
  });
}

function observeLinks(registry: Registry, observed: Observed): void {
  const registers = [registry];
  new Gauge({
    name: 'postern_links',
    help: 'Connections of agents: serving, paused (lost, and waiting to be resumed), or leaving.',
    labelNames: ['state'],
    registers,
    collect() {
      const links = [...observed.tunnels].flatMap((tunnel) => tunnel.links);
      const leaving = links.filter((link) => link.leaving).length;
      const paused = links.filter((link) => link.paused && !link.leaving).length;
      this.set({ state: 'leaving' }, leaving);
      this.set({ state: 'paused' }, paused);
      this.set({ state: 'serving' }, links.length - leaving - paused);
    },
  });
}

function observeSessions(registry: Registry, observed: Observed, finished: Totals): void {
  const registers = [registry];
  new Gauge({
    name: 'postern_streams_active',
    help: 'Streams open in all tunnels.',
    registers,
    collect() {
      this.set(sum(observed, (session) => session.streams));
    },
  });
  new Gauge({
    name: 'postern_buffered_bytes',
    help: 'Bytes sent to agents and not acknowledged yet, and credit granted to agents and not taken back.',
    labelNames: ['where'],
    registers,
    collect() {
      this.set(
        { where: 'unacknowledged' },
        sum(observed, ({ stats }) => stats.unacknowledgedBytes),
      );
      this.set({ where: 'granted' }, observed.grantedBytes());
    },
  });
  new Counter({
    name: 'postern_streams_opened_total',
    help: 'Streams opened in all tunnels.',
    registers,
    collect() {
      this.reset();
      this.inc(totals(observed, finished).streamsOpened);
    },
  });
  new Counter({
    name: 'postern_bytes_total',
    help: 'Bytes in tunnels: in from agents, out to agents.',
    labelNames: ['direction'],
    registers,
    collect() {
      const { bytesIn, bytesOut } = totals(observed, finished);
      this.reset();
      this.inc({ direction: 'in' }, bytesIn);
      this.inc({ direction: 'out' }, bytesOut);
    },
  });
}

function observeFlow(registry: Registry, observed: Observed): void {
  const registers = [registry];
  new Gauge({
    name: 'postern_flight_cap_bytes',
    help: 'Bytes that may be on their way to an agent unacknowledged: median, ninth decile and highest of the tunnels.',
    labelNames: ['quantile'],
    registers,
    collect() {
      setQuantiles(
        this,
        sessions(observed).map(({ stats }) => stats.flightCapBytes),
      );
    },
  });
  new Gauge({
    name: 'postern_streams_stalled',
    help: 'Streams that stand still for want of credit: out, the notebook reads slowly; in, the visitor does.',
    labelNames: ['direction'],
    registers,
    collect() {
      const stalls = sessions(observed).map((session) => session.stalled);
      this.set(
        { direction: 'in' },
        stalls.reduce((total, stalled) => total + stalled.in, 0),
      );
      this.set(
        { direction: 'out' },
        stalls.reduce((total, stalled) => total + stalled.out, 0),
      );
    },
  });
}

function observeFront(registry: Registry, observed: Observed): void {
  const gauges: readonly (readonly [name: string, help: string, read: () => number])[] = [
    ['upgrades_active', 'Visitors that were upgraded, to WebSockets for the most part.', observed.upgrades],
    ['passthroughs_active', 'Connections of visitors whose TLS is passed on undecrypted.', observed.passthroughs],
    [
      'certificate_expiry_timestamp_seconds',
      'When the certificate in use expires, in Unix seconds.',
      () => observed.certificateExpiresAt() / 1000,
    ],
  ];
  for (const [name, help, read] of gauges)
    new Gauge({
      name: `postern_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
}

function countPauses(registry: Registry): { paused(): void; resumed(): void } {
  const registers = [registry];
  const pauses = new Counter({
    name: 'postern_pauses_total',
    help: 'Connections of agents that broke while their session went on waiting.',
    registers,
  });
  const resumptions = new Counter({
    name: 'postern_resumptions_total',
    help: 'Sessions that went on over a new connection.',
    registers,
  });
  return { paused: () => pauses.inc(), resumed: () => resumptions.inc() };
}

function setQuantiles(gauge: Gauge<'quantile'>, figures: readonly number[]): void {
  gauge.reset();
  for (const [quantile, figure] of quantiles(figures)) gauge.set({ quantile }, figure);
}

function countExchanges(registry: Registry): (record: ExchangeRecord) => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'postern_requests_total',
    help: "Visitors' finished exchanges, by HTTP status (0: the visitor left before there was one) and kind.",
    labelNames: ['status', 'kind'],
    registers,
  });
  const failures = new Counter({
    name: 'postern_exchange_failures_total',
    help: 'Exchanges that ended with an error of ours, by code.',
    labelNames: ['code'],
    registers,
  });
  const duration = new Histogram({
    name: 'postern_exchange_duration_seconds',
    help: 'From the request to the end of its answer; upgraded connections are not in here.',
    buckets: SECONDS,
    registers,
  });
  return ({ status, code, durationMs, upgrade, protocol }) => {
    const kind = protocol === 'TLS' ? 'passthrough' : upgrade ? 'upgrade' : 'request';
    requests.inc({ status: String(status), kind });
    if (code !== undefined) failures.inc({ code });
    if (kind === 'request') duration.observe(durationMs / 1000);
  };
}
