// Where a program listens: addresses as people write them, and sockets that were opened by who started us.

import type { Server } from 'node:net';
import { isIPv6 } from 'node:net';

import { PosternError } from '../errors.ts';

/** Host name or IP address (IPv6 without brackets), and port; port 0 takes a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An address to bind, or the descriptor of a socket that listens already. */
export type ListenTarget = Address | { readonly fd: number };

/** Reads `HOST:PORT` or `[::1]:PORT`; throws PosternError `options-invalid`. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  const [, six, host, digits] = match ?? [];
  const port = Number(digits);
  if (match === null || port > 65535 || (six !== undefined && !isIPv6(six)))
    throw new PosternError('options-invalid', `"${text}" is not HOST:PORT or [IPV6]:PORT`);
  return { host: (six ?? host) as string, port };
}

/** Reads what `parseAddress` reads, and `fd:3` for a socket that listens already; throws PosternError `options-invalid`. */
export function parseListen(text: string): ListenTarget {
  const descriptor = /^fd:([0-9]{1,5})$/.exec(text)?.[1];
  return descriptor === undefined ? parseAddress(text) : { fd: Number(descriptor) };
}

/** The address as people write it. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Connections that may wait to be accepted; the kernel takes net.core.somaxconn if that is lower. With Node's 511, thousands of
 * agents that come back to a restarted bastion overflow it, and the kernels of those left out try again after 1, 3, 7 ... s.
 */
const BACKLOG = 4096;

/** Starts listening; answers the port in use. Rejects with PosternError `options-invalid` when it can't. */
export function listenOn(server: Server, target: ListenTarget): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      const place = 'fd' in target ? `descriptor ${target.fd}` : formatAddress(target);
      reject(new PosternError('options-invalid', `cannot listen on ${place}: ${cause.message}`, { cause }));
    };
    server.once('error', failed);
    const where = 'fd' in target ? { fd: target.fd } : { host: target.host, port: target.port };
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', failed);
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : 0);
    });
  });
}
