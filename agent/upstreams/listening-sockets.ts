// Reads the kernel's tables of TCP sockets in pieces, no further than needed: what a table costs is the kernel's search for more.

import { closeSync, openSync, readSync } from 'node:fs';

import { listenersFor, parseListeners, type Listener } from './socket-table.ts';

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;
/** About a line: having filled a piece, the kernel looks for the next socket, and behind the last listener that takes 2 ms. */
const PIECE_BYTES = 160;
/** After so many pieces the reads become larger, for nodes with very many sockets. */
const SMALL_PIECES = 256;
const LARGE_BYTES = 65_536;

const memory = Buffer.allocUnsafeSlow(LARGE_BYTES);

/** Answers who listens there, `nobody`, or undefined when no table can be read. */
export type FindListener = (host: string, port: number) => Listener | 'nobody' | undefined;

/**
 * Makes the search for the socket that a connection to a loopback address and port reaches. The first that fits is the
 * only one: the kernel lets nobody listen at an address and port that overlaps another user's, wildcards included
 * (inet_csk_get_port, which listen() asks once more); only one user's own sockets may share them, with SO_REUSEPORT.
 *
 * Synchronous: through the thread pool, the hops between the pieces would take far longer than the pieces.
 */
export function listenerSearch(paths: readonly string[] = TABLES): FindListener {
  let order = [...paths];
  return (host, port) => {
    let readable = false;
    for (const path of order) {
      const found = searchTable(path, host, port);
      if (found !== undefined) readable = true;
      if (found === undefined || found === 'nobody') continue;
      // A notebook stays in its table, and a search that ends early in the first one spares the other.
      if (path !== order[0]) order = [path, ...order.filter((other) => other !== path)];
      return found;
    }
    return readable ? 'nobody' : undefined;
  };
}

function searchTable(path: string, host: string, port: number): Listener | 'nobody' | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    let rest = '';
    for (let pieces = 1; ; pieces++) {
      const bytes = readSync(descriptor, memory, 0, pieces > SMALL_PIECES ? LARGE_BYTES : PIECE_BYTES, null);
      const text = rest + memory.toString('latin1', 0, bytes);
      const end = bytes === 0 ? text.length : text.lastIndexOf('\n') + 1;
      const [found] = listenersFor(parseListeners(text.slice(0, end)), host, port);
      if (found !== undefined) return found;
      if (bytes === 0) return 'nobody';
      rest = text.slice(end);
    }
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
