// A TLS handshake over an in-memory pair of streams: which certificate a context shows, and what a verifier says to it.

import { duplexPair } from 'node:stream';
import { TLSSocket, checkServerIdentity, connect, type PeerCertificate, type SecureContext } from 'node:tls';

export interface Handshake {
  readonly certificate: PeerCertificate;
  /** Why the verifier refused the certificate; undefined if it trusts it. */
  readonly refusal: string | undefined;
}

/** Shakes hands with a context as a visitor who trusts one CA and asks for a host name or address would. */
export function shakeHands(context: SecureContext, ca: string, host: string): Promise<Handshake> {
  const [near, far] = duplexPair();
  const server = new TLSSocket(far, { isServer: true, secureContext: context });
  server.on('error', () => {});
  return new Promise((resolve, reject) => {
    let shown: PeerCertificate | undefined;
    const visitor = connect({
      socket: near,
      ca,
      host,
      servername: /^[\d.]+$/.test(host) ? '' : host,
      checkServerIdentity(_name, certificate) {
        shown = certificate;
        return checkServerIdentity(host, certificate);
      },
    });
    const finish = (refusal: string | undefined): void => {
      const certificate = shown ?? visitor.getPeerCertificate();
      visitor.destroy();
      server.destroy();
      resolve({ certificate, refusal });
    };
    visitor.once('secureConnect', () => finish(undefined));
    visitor.once('error', (error: NodeJS.ErrnoException) => finish(`${error.code}: ${error.message}`));
    setImmediate(() => server.once('close', () => reject(new Error('the server closed'))));
  });
}
