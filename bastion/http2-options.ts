// The limits of visitors' HTTP/2 connections: each is an option with a default, and its help says what becomes of who passes it.

import type { OptionSpec } from '../shared/program/options.ts';
import { between } from './limit-options.ts';

export const HTTP2_OPTIONS = [
  {
    name: 'h2-streams',
    type: 'integer',
    default: 128,
    help: 'Requests at once on one HTTP/2 connection; whoever sends more although told so is disconnected.',
    check: between(1, 10_000),
  },
  {
    name: 'h2-window',
    type: 'bytes',
    default: '256KiB',
    help: 'Bytes of an upload by HTTP/2 that may come ahead of the notebook; uploads are no faster than this per round trip.',
    check: between(65_535, 2 ** 24, ['65535', '16MiB']),
  },
  {
    name: 'h2-memory',
    type: 'bytes',
    default: '32MiB',
    help: 'Bytes of heads and unread answers that one HTTP/2 connection may hold; further requests on it are reset.',
    check: between(2 ** 20, 2 ** 30, ['1MiB', '1GiB']),
  },
  {
    name: 'h2-resets',
    type: 'integer',
    default: 500,
    help: 'Requests on one HTTP/2 connection that may be given up in one go, whoever resets them (flood).',
    check: between(10, 1_000_000),
  },
  {
    name: 'h2-reset-rate',
    type: 'integer',
    default: 50,
    help: 'Requests on one HTTP/2 connection that may be given up per second, in the long run (flood).',
    check: between(1, 100_000),
  },
  {
    name: 'h2-controls',
    type: 'integer',
    default: 200,
    help: 'PING and SETTINGS frames that one HTTP/2 connection may send in one go (flood).',
    check: between(10, 1_000_000),
  },
  {
    name: 'h2-control-rate',
    type: 'integer',
    default: 20,
    help: 'PING and SETTINGS frames that one HTTP/2 connection may send per second, in the long run (flood).',
    check: between(1, 100_000),
  },
  {
    name: 'h2-invalid-frames',
    type: 'integer',
    default: 100,
    help: 'Senseless frames, such as empty DATA, in the life of one HTTP/2 connection; more end it.',
    check: between(1, 1_000_000),
  },
] as const satisfies readonly OptionSpec[];
