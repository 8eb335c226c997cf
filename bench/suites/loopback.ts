// The suite `loopback`: small answers and downloads, everything on 127.0.0.1, beside what people use today.

import { runContest } from '../contest.ts';
import { direct, nginx } from '../peers/nginx.ts';
import { openssh } from '../peers/openssh.ts';
import type { Peer } from '../peers/peer.ts';
import { httpProxy, postern } from '../peers/postern.ts';
import { RESIDENT, SCENARIOS } from '../scenarios.ts';
import type { Suite } from '../suite.ts';

const PEERS: readonly Peer[] = [postern, direct, nginx, openssh, httpProxy];

export const loopback: Suite = {
  name: 'loopback',
  label: 'Small answers and downloads on one machine',
  defaults: { rounds: 20, seconds: 2, warmUp: 10 },
  scenarios: SCENARIOS.map((scenario) => ({
    ...scenario,
    metrics: [...scenario.metrics, scenario.work, RESIDENT],
  })),
  peers: PEERS,
  ours: postern.name,
  needs: { wrk: 'wrk', nginx: 'nginx-light' },
  panels: [
    { scenario: 'small-32', metric: 'rate', title: 'Small HTTPS requests per second, 32 connections' },
    { scenario: 'small-32', metric: 'p99', title: '99th percentile of their latency' },
    { scenario: 'small-1', metric: 'p50', title: 'Median latency of a small request, 1 connection' },
    { scenario: 'bulk-1', metric: 'throughput', title: 'Download, 1 stream' },
    { scenario: 'bulk-8', metric: 'throughput', title: 'Download, 8 streams' },
  ],
  run: (plan) => runContest(plan, PEERS, SCENARIOS),
};
