// The limits of `postern-bastion serve`: each is an option with a default, and its help names the error that visitors or agents get.

import type { OptionSpec } from '../shared/program/options.ts';

export const LIMIT_OPTIONS = [
  {
    name: 'streams',
    type: 'integer',
    default: 1000,
    help: 'Streams open at once in one tunnel, over all its links (stream-limit).',
    check: between(1, 65_536),
  },
  {
    name: 'stream-rate',
    type: 'integer',
    default: 1000,
    help: 'Streams opened per second in one tunnel, in the long run (stream-rate).',
    check: between(1, 1_000_000),
  },
  {
    name: 'stream-burst',
    type: 'integer',
    default: 2000,
    help: 'Streams opened in one go in one tunnel, after quiet times (stream-rate).',
    check: between(1, 1_000_000),
  },
  {
    name: 'stream-credit',
    type: 'bytes',
    default: '256KiB',
    help: 'Bytes that the notebook may send on a new stream before a visitor has read any of them (credit-exceeded).',
    check: between(16_384, 2 ** 24, ['16KiB', '16MiB']),
  },
  {
    name: 'stream-window',
    type: 'bytes',
    default: '16MiB',
    help: 'Unread bytes that one stream may grow to on a long path, within the two limits below.',
    check: between(65_536, 2 ** 30, ['64KiB', '1GiB']),
  },
  {
    name: 'session-credit',
    type: 'bytes',
    default: '64MiB',
    help: 'Unread bytes that the streams of one tunnel may have been allowed together (stream-limit).',
    check: between(2 ** 20, 2 ** 40, ['1MiB', '1TiB']),
  },
  {
    name: 'total-credit',
    type: 'bytes',
    default: '512MiB',
    help: 'Unread bytes that the streams of all tunnels may have been allowed together (stream-limit).',
    check: between(2 ** 20, 2 ** 40, ['1MiB', '1TiB']),
  },
  {
    name: 'message',
    type: 'bytes',
    default: '64KiB',
    help: 'Longest WebSocket message taken from an agent (message-too-large).',
    check: between(16_384, 2 ** 24, ['16KiB', '16MiB']),
  },
  {
    name: 'control-frames',
    type: 'integer',
    default: 500,
    help: 'PING, INFO and GOAWAY frames, and streams nobody asked for, that an agent may send within 10 seconds (flood).',
    check: between(100, 1_000_000),
  },
  {
    name: 'links-per-tunnel',
    type: 'integer',
    default: 16,
    help: 'Connections of one agent, those that are being replaced included (link-limit).',
    check: between(1, 64),
  },
  {
    name: 'names-per-tunnel',
    type: 'integer',
    default: 16,
    help: 'Names that one agent may register (registration-malformed).',
    check: between(1, 16),
  },
  {
    name: 'tunnels-per-owner',
    type: 'integer',
    default: 1000,
    help: 'Tunnels of one owner at once; as many again may be ending (tunnel-limit).',
    check: between(1, 1_000_000),
  },
  {
    name: 'handshakes',
    type: 'integer',
    default: 500,
    help: 'Agents registering at the same time (handshake-limit).',
    check: between(1, 100_000),
  },
  {
    name: 'handshake-rate',
    type: 'integer',
    default: 200,
    help: 'Agents registering per second, in the long run (handshake-limit).',
    check: between(1, 100_000),
  },
  {
    name: 'handshake-burst',
    type: 'integer',
    default: 1000,
    help: 'Agents registering in one go after quiet times (handshake-limit).',
    check: between(1, 1_000_000),
  },
  {
    name: 'names-per-owner',
    type: 'integer',
    default: 100,
    help: 'Names that the agents of one owner may claim (name-limit); administrators may reserve more.',
    check: between(1, 1_000_000),
  },
  {
    name: 'link-attempts',
    type: 'integer',
    default: 10,
    help: 'Wrong one-time links from one address within a minute (visitor-limit).',
    check: between(1, 100_000),
  },
  {
    name: 'connections',
    type: 'integer',
    default: 20_000,
    help: 'Connections of visitors and agents at once; more are closed unanswered.',
    check: between(1, 1_000_000),
  },
  {
    name: 'hello-timeout',
    type: 'duration',
    default: '5s',
    help: "Time for the first message of a visitor's TLS, which tells the server name (hello-timeout).",
    check: between(100, 60_000, ['100ms', '1m']),
  },
  {
    name: 'hello-bytes',
    type: 'bytes',
    default: '32MiB',
    help: 'Bytes of unfinished first messages that are held for all connections together (hello-limit).',
    check: between(2 ** 16, 2 ** 32, ['64KiB', '4GiB']),
  },
  {
    name: 'header-bytes',
    type: 'bytes',
    default: '32KiB',
    help: "Bytes of a request's head (header-too-large).",
    check: between(8192, 2 ** 20, ['8KiB', '1MiB']),
  },
  {
    name: 'header-timeout',
    type: 'duration',
    default: '15s',
    help: "Time from the first byte of a request's head to its last (request-timeout).",
    check: between(1000, 600_000, ['1s', '10m']),
  },
  {
    name: 'upload-idle',
    type: 'duration',
    default: '5m',
    help: "For how long nothing may come of a request's body while the notebook waits for it (request-timeout).",
    check: between(1000, 86_400_000, ['1s', '1d']),
  },
  {
    name: 'keep-alive',
    type: 'duration',
    default: '75s',
    help: 'How long an idle connection of a visitor is kept; longer than a load balancer in front keeps its own.',
    check: between(1000, 3_600_000, ['1s', '1h']),
  },
] as const satisfies readonly OptionSpec[];

/** A check that a number is within bounds, both included; `shown` says them as a person would write them. */
export function between(
  least: number,
  most: number,
  shown: readonly [string, string] = [String(least), String(most)],
): (value: number) => string | undefined {
  return (value) => (value >= least && value <= most ? undefined : `is not between ${shown[0]} and ${shown[1]}`);
}
