// Ends visitors' TLS: streams of ciphertext become what visitors say in it, for the host whose name they asked for.

import type { Duplex } from 'node:stream';
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls';

import type { ErrorCode } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import type { CertificateSource, Material } from './certificate-source.ts';

/** As much of a mux stream as is needed here. */
export interface CipherStream extends Duplex {
  /** Resets after what is queued. */
  fail(code: ErrorCode): void;
}

export interface TerminationOptions {
  readonly source: CertificateSource;
  /** PEM; with it, only visitors with a certificate of these authorities get in. */
  readonly clientCa: string | undefined;
  /** How long a stream waits for the first certificate, and a handshake may take, in milliseconds. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** A visitor whose handshake is done. */
export type Opened = (visitor: TLSSocket, serverName: string) => void;

const MIN_VERSION = 'TLSv1.2';

export class Termination {
  readonly #options: TerminationOptions;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  constructor(options: TerminationOptions) {
    this.#options = options;
    const { source, clientCa, patienceMs, log } = options;
    const settings: TlsOptions & { allowHalfOpen: boolean } = {
      // What notebooks speak; visitors who bring no ALPN are as welcome.
      ALPNProtocols: ['http/1.1'],
      allowHalfOpen: true,
      handshakeTimeout: patienceMs,
      requestCert: clientCa !== undefined,
      rejectUnauthorized: true,
    };
    this.#server = createServer(settings);
    this.#server.on('tlsClientError', (err) => log.debug({ err }, "A visitor's TLS handshake failed"));
    this.#show(source.material);
    source.onChanged(() => {
      this.#show(source.material);
      for (const go of this.#waiting) go();
    });
  }

  /** To be called once, before any stream is taken. */
  onOpened(opened: Opened): void {
    this.#server.on('secureConnection', (visitor) => {
      visitor.on('error', () => {});
      const { servername } = visitor;
      // Without a name nobody can tell which service is wanted, nor has the visitor checked the certificate for one.
      if (typeof servername !== 'string') return void visitor.destroy();
      opened(visitor, servername.toLowerCase());
    });
  }

  take(stream: CipherStream): void {
    if (this.#options.source.material !== undefined) return this.#begin(stream);
    const { clock, patienceMs } = this.#options;
    const leave = (): void => {
      clock.clearTimeout(timer);
      this.#waiting.delete(go);
      stream.off('close', leave);
    };
    const go = (): void => {
      leave();
      this.#begin(stream);
    };
    const timer = clock.setTimeout(() => {
      leave();
      stream.fail('certificate-missing');
    }, patienceMs);
    this.#waiting.add(go);
    stream.once('close', leave);
  }

  #begin(stream: Duplex): void {
    this.#server.emit('connection', stream);
  }

  /** For handshakes from now on. */
  #show(material: Material | undefined): void {
    if (material === undefined) return;
    const { clientCa } = this.#options;
    this.#server.setSecureContext({
      ...material,
      minVersion: MIN_VERSION,
      ...(clientCa === undefined ? {} : { ca: clientCa }),
    });
  }
}
