// The certificates that the CA issues: the bastion's, for the domain and every name directly below it, and agents', for their hosts.

import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { PosternError } from '../shared/errors.ts';
import { BACKDATE_MS, DAY_MS, newSerial, type Authority } from './authority.ts';
import { signCertificate } from './der.ts';

export interface Leaf {
  readonly certificate: string;
  readonly key: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  /** Unix milliseconds from which on it should be replaced: a third of its life is left then. */
  readonly renewAt: number;
}

/** Browsers refuse what is valid for longer. */
export const MAX_LEAF_DAYS = 398;
export const LEAF_DAYS = 90;

export interface LeafRequest {
  /** Host names, `*.` in front allowed; by default the CA's domain and the wildcard below it. */
  readonly names?: readonly string[];
  /** Unix milliseconds. */
  readonly now: number;
  /** How long it is valid, at most MAX_LEAF_DAYS. */
  readonly days?: number;
}

/** A new key and a certificate for it. Throws `certificate-invalid` for names or days that no verifier would accept. */
export function issueLeaf(authority: Authority, request: LeafRequest): Leaf {
  const names = request.names ?? [authority.domain, `*.${authority.domain}`];
  const days = request.days ?? LEAF_DAYS;
  const problem = requestProblem(authority, names, days);
  if (problem !== undefined) throw new PosternError('certificate-invalid', problem);

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const notBefore = request.now - BACKDATE_MS;
  // Both ends of a validity count (RFC 5280), hence the second.
  const validity = { notBefore, notAfter: notBefore + days * DAY_MS - 1000 };
  const certificate = sign(authority, { commonName: 'postern bastion', names, publicKey, ...validity });
  return readLeaf(certificate, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
}

export interface KeyedRequest {
  /** Host names inside the CA's domain. */
  readonly names: readonly string[];
  /** P-256. */
  readonly publicKey: KeyObject;
  /** Unix milliseconds. */
  readonly now: number;
  readonly expiresAt: number;
}

/** A certificate in PEM for a key that stays where it is. Throws `certificate-invalid` for names that are not the CA's. */
export function certify(authority: Authority, { names, publicKey, now, expiresAt }: KeyedRequest): string {
  const problem = requestProblem(authority, names, (expiresAt - now) / DAY_MS);
  if (problem !== undefined) throw new PosternError('certificate-invalid', problem);
  const validity = { notBefore: now - BACKDATE_MS, notAfter: expiresAt };
  return sign(authority, { commonName: 'postern agent', names, publicKey, ...validity });
}

interface Content {
  readonly commonName: string;
  readonly names: readonly string[];
  readonly publicKey: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
}

function sign(authority: Authority, { commonName, names, publicKey, notBefore, notAfter }: Content): string {
  return signCertificate(
    {
      profile: { kind: 'leaf', names: names.map((dns) => ({ dns })) },
      subject: { commonName },
      issuer: authority.subject,
      serial: newSerial(),
      notBefore: new Date(notBefore),
      // No leaf outlives its CA.
      notAfter: new Date(Math.min(notAfter, authority.expiresAt)),
      publicKey,
      issuerPublicKey: authority.publicKey,
    },
    authority.key,
  );
}

/** The leaf of a certificate and key in PEM. Throws `certificate-invalid` unless they belong together. */
export function readLeaf(certificate: string, key: string): Leaf {
  try {
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(createPrivateKey(key)))
      throw new PosternError('certificate-invalid', 'the key does not belong to the certificate');
    const expiresAt = Date.parse(parsed.validTo);
    return { certificate, key, expiresAt, renewAt: expiresAt - (expiresAt - Date.parse(parsed.validFrom)) / 3 };
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('certificate-invalid', 'not a certificate and a key in PEM', { cause });
  }
}

/** True when this CA issued the leaf, for its domain and the names below it. */
export function isIssuedBy(authority: Authority, leaf: Leaf): boolean {
  const parsed = new X509Certificate(leaf.certificate);
  const names = parsed.subjectAltName?.split(', ') ?? [];
  return (
    parsed.verify(authority.publicKey) &&
    [authority.domain, `*.${authority.domain}`].every((name) => names.includes(`DNS:${name}`))
  );
}

function requestProblem(authority: Authority, names: readonly string[], days: number): string | undefined {
  const foreign = names.find((name) => {
    const bare = name.replace(/^\*\./, '');
    return bare !== authority.domain && !bare.endsWith(`.${authority.domain}`);
  });
  if (foreign !== undefined) return `${foreign} is outside ${authority.domain}`;
  if (names.length === 0) return 'a certificate needs a name';
  return days > 0 && days <= MAX_LEAF_DAYS ? undefined : `${days} days are not between 1 and ${MAX_LEAF_DAYS}`;
}
