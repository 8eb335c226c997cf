// Reads the kernel's table of TCP sockets (/proc/net/tcp, /proc/net/tcp6) for who listens on a loopback port; pure.

/** `uid` is the user who made the socket, as seen from our user namespace. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly uid: number;
}

const LISTEN = '0A';
/** Number, local address, remote address, state, queues, timer, retransmissions, uid. */
const LINE = /^ *\d+: ([0-9A-Fa-f]+:[0-9A-Fa-f]+) \S+ ([0-9A-F]{2}) \S+ \S+ +\S+ +(\d+) /gm;
const ANY_4 = '00000000';
const ANY_6 = '0'.repeat(32);
const LOOPBACK_6 = '00000000000000000000000001000000';
const MAPPED_PREFIX = '0000000000000000FFFF0000';

/** The listening sockets among whole lines of a table, addresses as the kernel prints them (32-bit words in host order, hexadecimal). */
export function parseListeners(lines: string): Listener[] {
  const listeners: Listener[] = [];
  for (const [, local, state, uid] of lines.matchAll(LINE)) {
    if (state !== LISTEN) continue;
    const [address, port] = (local as string).split(':') as [string, string];
    listeners.push({ address: address.toUpperCase(), port: Number.parseInt(port, 16), uid: Number(uid) });
  }
  return listeners;
}

/** Every listener that a connection to this loopback address and port might reach, from the tables of both families. */
export function listenersFor(listeners: readonly Listener[], host: string, port: number): Listener[] {
  const accepted = host === '::1' ? [LOOPBACK_6, ANY_6] : addressesOf(host);
  return listeners.filter((listener) => listener.port === port && accepted.includes(listener.address));
}

function addressesOf(host: string): string[] {
  const octets = host.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0').toUpperCase());
  // Little-endian machines print 127.0.0.1 as 0100007F, big-endian ones as 7F000001; the other spelling is no loopback.
  const spellings = [octets.toReversed().join(''), octets.join('')];
  return [...spellings, ANY_4, ANY_6, ...spellings.map((spelling) => MAPPED_PREFIX + spelling)];
}
