// The suite `h2`: what visitors get by HTTP/2 and by HTTP/1.1 from the same port, measured by the same load generator.

import { countHandshakes } from '../handshakes.ts';
import { runH2load } from '../h2load.ts';
import { direct, nginx } from '../peers/nginx.ts';
import { postern } from '../peers/postern.ts';
import {
  BULK_PATH,
  RATE,
  RESIDENT,
  SMALL_PATH,
  THROUGHPUT,
  PER_MEGABYTE,
  PER_REQUEST,
  type Scenario,
} from '../scenarios.ts';
import type { Metric, Suite } from '../suite.ts';
import { runContest } from '../contest.ts';

interface Shape {
  readonly protocol: 'h1' | 'h2';
  readonly connections: number;
  readonly streams: number;
}

const MEAN: Metric = { name: 'mean', label: 'mean time', unit: 'ms', better: 'lower' };
const HANDSHAKES: Metric = { name: 'rate', label: 'handshakes/s', unit: '/s', better: 'higher' };
const PER_HANDSHAKE: Metric = { name: 'processor', label: 'processor/handshake', unit: 'µs', better: 'lower' };
const MEGABYTE = 1e6;

function shapeText({ protocol, connections, streams }: Shape): string {
  const version = protocol === 'h1' ? 'HTTP/1.1' : 'HTTP/2';
  return `${version}, ${connections} connection${connections === 1 ? '' : 's'} x ${streams}`;
}

function nameOf(kind: string, { protocol, connections, streams }: Shape): string {
  return `${kind}-${protocol}-${connections}x${streams}`;
}

function small(shape: Shape): Scenario {
  return {
    name: nameOf('small', shape),
    label: `small responses, ${shapeText(shape)}`,
    metrics: [RATE, MEAN],
    work: PER_REQUEST,
    async run(aim) {
      const {
        requestsPerSecond: rate,
        mean,
        requests,
      } = await runH2load({ ...aim, ...shape, url: aim.url(SMALL_PATH) });
      return { figures: { rate, mean }, work: requests };
    },
  };
}

function bulk(shape: Shape): Scenario {
  return {
    name: nameOf('bulk', shape),
    label: `download, ${shapeText(shape)}`,
    metrics: [THROUGHPUT],
    work: PER_MEGABYTE,
    async run(aim) {
      const { bytesPerSecond, bytes } = await runH2load({ ...aim, ...shape, url: aim.url(BULK_PATH) });
      return { figures: { throughput: bytesPerSecond / MEGABYTE }, work: bytes / MEGABYTE };
    },
  };
}

const handshakes: Scenario = {
  name: 'handshakes',
  label: 'full TLS handshakes, one after the other',
  metrics: [HANDSHAKES],
  work: PER_HANDSHAKE,
  async run(aim) {
    const count = await countHandshakes(aim.url('/'), aim.seconds);
    return { figures: { rate: count / aim.seconds }, work: count };
  },
};

const SCENARIOS: readonly Scenario[] = [
  handshakes,
  small({ protocol: 'h1', connections: 64, streams: 1 }),
  small({ protocol: 'h2', connections: 1, streams: 64 }),
  small({ protocol: 'h2', connections: 8, streams: 8 }),
  bulk({ protocol: 'h1', connections: 4, streams: 1 }),
  bulk({ protocol: 'h2', connections: 1, streams: 4 }),
];
const PEERS = [postern, direct, nginx];

export const h2: Suite = {
  name: 'h2',
  label: 'HTTP/2 beside HTTP/1.1',
  defaults: { rounds: 12, seconds: 2, warmUp: 10 },
  scenarios: SCENARIOS.map((scenario) => ({ ...scenario, metrics: [...scenario.metrics, scenario.work, RESIDENT] })),
  peers: PEERS,
  ours: postern.name,
  needs: { h2load: 'nghttp2-client', nginx: 'nginx-light', openssl: 'openssl' },
  run: (plan) => runContest(plan, PEERS, SCENARIOS),
};
