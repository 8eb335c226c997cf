// What an agent with TLS from end to end and its bastion tell each other about the agent's certificate.

import { isErrorCode, type ErrorCode } from '../errors.ts';
import { count, list, plainText, text, type Json } from './json.ts';

/** agent: a certificate for this key is wanted, for the hosts of the tunnel. */
export interface CertificateRequest {
  readonly type: 'certificate-request';
  /** Higher with each request of the agent process. */
  readonly request: number;
  /** The public key, a SubjectPublicKeyInfo (RFC 5280) for P-256 in DER, base64url. */
  readonly key: string;
  /** ECDSA with SHA-256 over `certificateProof` in DER, base64url: the agent has the private key. */
  readonly proof: string;
}

/** bastion: the answer to the request of that number: a chain, or why there is none. */
export type CertificateAnswer = {
  readonly type: 'certificate';
  readonly request: number;
} & ({ readonly chain: readonly string[] } | { readonly code: ErrorCode });

/** Bytes of a SubjectPublicKeyInfo for an uncompressed point of P-256. */
export const KEY_BYTES = 91;
const MAX_KEY = Math.ceil((KEY_BYTES * 4) / 3);
/** A signature has at most 72 bytes. */
const MAX_PROOF = 96;
const MAX_CHAIN = 4;
/** Characters of one certificate in base64. */
const MAX_CERTIFICATE = 14_000;

/** What the agent signs: good for one request of one session, and nothing that anybody else would sign. */
export function certificateProof(session: string, request: number, key: string): string {
  return `postern.1 certificate\n${session}\n${request}\n${key}`;
}

/** Undefined for INFO of another type; throws PosternError for what lacks a field. */
export function readCertificateInfo(json: Json): CertificateRequest | CertificateAnswer | undefined {
  if (json['type'] === 'certificate-request')
    return {
      type: 'certificate-request',
      request: count(json, 'request', Number.MAX_SAFE_INTEGER),
      key: text(json, 'key', MAX_KEY),
      proof: text(json, 'proof', MAX_PROOF),
    };
  if (json['type'] !== 'certificate') return undefined;
  const request = count(json, 'request', Number.MAX_SAFE_INTEGER);
  if (json['code'] === undefined) {
    const chain = list(json, 'chain', MAX_CHAIN, (item) => plainText(item, 'chain', MAX_CERTIFICATE));
    return { type: 'certificate', request, chain };
  }
  const code = text(json, 'code', 40);
  // A newer bastion may have codes of its own.
  return { type: 'certificate', request, code: isErrorCode(code) ? code : 'certificate-refused' };
}
