// Whose port it is, read from the kernel's table.

import assert from 'node:assert/strict';
import test from 'node:test';

import { listenersFor, parseListeners } from '../../../agent/upstreams/socket-table.ts';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 20001 1 0000000000000000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20002 1 0000000000000000 100 0 0 10 0
   2: 0100007F:22B8 0100007F:D431 01 00000000:00000000 00:00000000 00000000     7        0 20003 1 0000000000000000 20 4 30 10 -1
   3: 0200007F:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1002        0 20004 1 0000000000000000 100 0 0 10 0
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:22B8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 30001 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1004        0 30002 1 0000000000000000 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1005        0 30003 1 0000000000000000 100 0 0 10 0
`;
const ALL = [...parseListeners(TCP), ...parseListeners(TCP6)];
const uidsFor = (host: string, port: number): number[] => listenersFor(ALL, host, port).map(({ uid }) => uid);

test('only listening sockets count, not the connections of a port', () => {
  assert.deepEqual(uidsFor('127.0.0.1', 0x22b8), [1000]);
});

test('another loopback address is another socket', () => {
  assert.deepEqual(uidsFor('127.0.0.2', 0x22b8), [1002]);
  assert.deepEqual(uidsFor('::1', 0x22b8), [1003]);
});

test('a wildcard listener answers on loopback, too, in both families', () => {
  assert.deepEqual(uidsFor('127.0.0.1', 22), [0]);
  assert.deepEqual(uidsFor('127.0.0.1', 0x1f90), [1004]);
  assert.deepEqual(uidsFor('::1', 0x1f90), [1004]);
});

test('an IPv4 address that was bound through IPv6 is found', () => {
  assert.deepEqual(uidsFor('127.0.0.1', 0x1f91), [1005]);
});

test('a port that nobody listens on has no owner, and an empty table no listener', () => {
  assert.deepEqual(uidsFor('127.0.0.1', 9), []);
  assert.deepEqual(parseListeners(''), []);
  assert.deepEqual(parseListeners('rubbish\nmore rubbish\n'), []);
});
