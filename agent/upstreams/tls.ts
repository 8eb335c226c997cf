// An upstream that speaks TLS itself, its certificate always verified.

import { connect, createSecureContext, type ConnectionOptions } from 'node:tls';
import { isIP } from 'node:net';

import { lookup } from '../../shared/net/resolve.ts';
import { standing, type TcpOptions } from './connect.ts';
import type { Upstream } from './upstream.ts';

export interface TlsOptions extends TcpOptions {
  /** The name or address that its certificate has to be for. */
  readonly name: string;
  /** PEM; undefined for the system's trust. */
  readonly ca?: string | undefined;
}

/** A TLS port. `upstream-failed` when its certificate is not trusted. */
export function tlsUpstream({ label, host, port, name, ca, check }: TlsOptions): Upstream {
  // Node knows allowHalfOpen here; its types don't.
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    host,
    port,
    lookup,
    allowHalfOpen: true,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(name) === 0 ? { servername: name } : {}),
    // Once, not at each dial: reading some hundred authorities takes longer than the handshake.
    secureContext: createSecureContext(ca === undefined ? {} : { ca }),
  };
  return {
    label,
    dial: (signal) => {
      const socket = connect(options);
      socket.setNoDelay(true);
      return standing(socket, 'secureConnect', signal, check);
    },
  };
}
