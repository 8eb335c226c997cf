// Certificates for agents that end their visitors' TLS themselves: for the hosts of their own tunnel, and a key that they prove to have.

import { createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto';

import { asPosternError, PosternError } from '../../shared/errors.ts';
import type { Log } from '../../shared/program/log.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import {
  certificateProof,
  KEY_BYTES,
  type CertificateAnswer,
  type CertificateRequest,
} from '../../shared/wire/certificate.ts';
import type { Info } from '../../shared/wire/handshake.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import { certifiedHosts } from './end-to-end.ts';
import type { Joining } from './tunnel.ts';

export interface CertificatesOptions {
  readonly certify: NonNullable<TlsSource['certify']>;
  readonly domain: string;
  /** How long they hold at most, in milliseconds; none holds longer than the credential of its tunnel. */
  readonly lifetimeMs: number;
  readonly log: Log;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** The tunnel that a request comes from, as it stands now, and the public id of the session that it comes over. */
export interface Asking {
  readonly tunnel: object & Pick<Joining, 'identity' | 'registration'>;
  readonly session: string;
}

interface Known {
  /** Highest number of a request whose proof held. */
  highest: number;
  readonly requests: TokenBucket;
}

/** Of one tunnel; each costs two signatures. */
const REQUESTS = { burst: 10, perSecond: 1 / 60 };

export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #known = new WeakMap<object, Known>();

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /** A listener for a session's INFO that answers requests, and hands on everything else. */
  listen(
    asking: Asking,
    send: (answer: CertificateAnswer) => void,
    others: (info: Info) => void,
  ): (info: Info) => void {
    return (info) => {
      if (info.type === 'certificate-request') send(this.answer(info, asking));
      else others(info);
    };
  }

  /** The answer; never throws. */
  answer(request: CertificateRequest, asking: Asking): CertificateAnswer {
    const { log } = this.#options;
    const { owner, id } = asking.tunnel.identity;
    const fields = { owner, credentialId: id, names: asking.tunnel.registration.names, session: asking.session };
    try {
      const chain = this.#issue(request, asking);
      const { serialNumber, validTo } = new X509Certificate(chain[0] as string);
      log.info({ ...fields, serial: serialNumber, until: new Date(validTo).toISOString() }, 'certificate issued');
      return { type: 'certificate', request: request.request, chain: chain.map(bareCertificate) };
    } catch (cause) {
      const error = asPosternError(cause, 'certificate-refused');
      log.warn({ ...fields, code: error.code, detail: error.detail }, 'certificate refused');
      return { type: 'certificate', request: request.request, code: 'certificate-refused' };
    }
  }

  #issue(request: CertificateRequest, { tunnel, session }: Asking): string[] {
    const { certify, domain, lifetimeMs, now } = this.#options;
    const { identity, registration } = tunnel;
    const known = this.#of(tunnel);
    if (!known.requests.take()) throw refused('too many requests');
    if (registration.tls?.certificate !== 'issued') throw refused('the tunnel did not register for one');
    if (request.request <= known.highest) throw refused('a request of this number was answered before');
    const publicKey = readKey(request.key);
    const proven = certificateProof(session, request.request, request.key);
    if (!verify('sha256', Buffer.from(proven), publicKey, Buffer.from(request.proof, 'base64url')))
      throw refused('the proof does not hold');
    known.highest = request.request;
    const expiresAt = Math.min(now() + lifetimeMs, identity.expiresAt);
    if (expiresAt <= now()) throw refused('the credential has expired');
    return certify({ hosts: certifiedHosts(registration, domain), publicKey, expiresAt });
  }

  #of(tunnel: object): Known {
    let known = this.#known.get(tunnel);
    if (known === undefined) {
      known = { highest: -1, requests: new TokenBucket(REQUESTS, () => performance.now()) };
      this.#known.set(tunnel, known);
    }
    return known;
  }
}

/** P-256 in the one encoding that there is for it, so that nothing else reaches the parser. */
function readKey(text: string): KeyObject {
  const der = Buffer.from(text, 'base64url');
  if (der.length !== KEY_BYTES || der.toString('base64url') !== text) throw refused('the key is not one of P-256');
  let key: KeyObject | undefined;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    throw refused('the key cannot be read');
  }
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (!isP256 || !key.export({ format: 'der', type: 'spki' }).equals(der)) throw refused('the key is not one of P-256');
  return key;
}

/** PEM without its frame. */
function bareCertificate(pem: string): string {
  return new X509Certificate(pem).raw.toString('base64');
}

function refused(detail: string): PosternError {
  return new PosternError('certificate-refused', detail);
}
