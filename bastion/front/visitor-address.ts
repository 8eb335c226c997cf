// The address of whoever is at the other end of a socket, as logs, limits and agents are told it.

import { isIPv4, isIPv6, SocketAddress, type Socket } from 'node:net';

/** IPv4 visitors of a listener for both families are told by their IPv4 address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.startsWith('::ffff:') && address.includes('.')
    ? address.slice(7)
    : (address.split('%', 1)[0] as string);
}

/** The one spelling of an IP address; undefined for what is none. */
export function normalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return plainAddress(new SocketAddress({ address: text, family: 'ipv6' }).address);
}

/**
 * Who is behind a balancer's connection, as the PROXY protocol told it before TLS: found again behind TLS by the ends of the
 * TCP connection, which are the same there.
 */
export class ToldAddresses {
  readonly #byEnds = new Map<string, string>();

  /** Holds until the socket closes. */
  tell(socket: Socket, address: string): void {
    const ends = endsOf(socket);
    if (ends === undefined) return;
    this.#byEnds.set(ends, address);
    socket.once('close', () => this.#byEnds.delete(ends));
  }

  /** The visitor's address: the one that was told, or else that of the other end. */
  of(socket: Socket): string {
    const told = this.#byEnds.size === 0 ? undefined : this.#byEnds.get(endsOf(socket) ?? '');
    return told ?? plainAddress(socket.remoteAddress);
  }
}

/** Undefined once the connection is gone. */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
