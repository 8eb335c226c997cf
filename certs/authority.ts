// The CA of one bastion: a P-256 key and a certificate that may speak for one domain, its names, and nothing else.

import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { PosternError } from '../shared/errors.ts';
import { encodeName, encodeNameConstraints, signCertificate, type DistinguishedName } from './der.ts';

export interface Authority {
  /** It issues for this domain and names below it. */
  readonly domain: string;
  /** What visitors and agents trust, in PEM. */
  readonly certificate: string;
  readonly subject: DistinguishedName;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Certificates begin in the past, because the clocks of worker nodes are not exact. */
export const BACKDATE_MS = 3_600_000;

/** What makes a text unusable as the domain of a bastion, or undefined. */
export function domainProblem(domain: string): string | undefined {
  const labels = domain.split('.');
  // Verifiers refuse a wildcard directly below a top-level name such as `*.localhost`.
  if (labels.length < 2) return `"${domain}" needs at least two labels, as in notebooks.localhost`;
  if (labels.some((label) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)))
    return `"${domain}" is not a host name in lower case`;
  if (/^\d+$/.test(labels.at(-1) ?? '')) return `"${domain}" is an address, not a domain`;
  // The longest name below it (63 and a dot) still has to be a host name.
  return domain.length > 189 ? `"${domain}" is longer than 189 characters` : undefined;
}

/** A new CA, in memory. Throws `certificate-invalid` for a domain that can't be served. */
export function createAuthority(options: { readonly domain: string; readonly now: number }): Authority {
  const problem = domainProblem(options.domain);
  if (problem !== undefined) throw new PosternError('certificate-invalid', problem);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // The number keeps two CAs for one domain apart in a browser's list, and in chain building.
  const subject = { domain: options.domain, commonName: `postern CA ${randomBytes(4).toString('hex')}` };
  const expiresAt = options.now + AUTHORITY_DAYS * DAY_MS;
  const certificate = signCertificate(
    {
      profile: { kind: 'authority', domain: options.domain },
      subject,
      issuer: subject,
      serial: newSerial(),
      notBefore: new Date(options.now - BACKDATE_MS),
      notAfter: new Date(expiresAt),
      publicKey,
      issuerPublicKey: publicKey,
    },
    privateKey,
  );
  return readAuthority(certificate, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
}

/** The CA of a certificate and key in PEM. Throws `ca-invalid` unless both belong together and are as `createAuthority` makes them. */
export function readAuthority(certificate: string, key: string): Authority {
  try {
    const parsed = new X509Certificate(certificate);
    const subject = readSubject(parsed.subject);
    const privateKey = createPrivateKey(key);
    const claims: readonly (readonly [boolean, string])[] = [
      [parsed.checkPrivateKey(privateKey), 'the key does not belong to the certificate'],
      [parsed.ca && parsed.verify(parsed.publicKey), 'the certificate is not a self-signed CA'],
      [parsed.raw.includes(encodeName(subject)), 'the subject is not of our making'],
      [parsed.raw.includes(encodeNameConstraints(subject.domain)), 'the name constraints are not those of its domain'],
    ];
    for (const [holds, problem] of claims) if (!holds) throw new PosternError('ca-invalid', problem);
    return {
      domain: subject.domain,
      certificate,
      subject,
      key: privateKey,
      publicKey: createPublicKey(privateKey),
      expiresAt: Date.parse(parsed.validTo),
    };
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('ca-invalid', 'a file cannot be read as PEM', { cause });
  }
}

/** A positive serial number of 128 bits, 126 of them random. */
export function newSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** Reads node's rendering of the subject, one `KEY=value` a line. */
function readSubject(text: string): { readonly domain: string; readonly commonName: string } {
  const lines = text.split('\n');
  const labels = lines.filter((line) => line.startsWith('DC=')).map((line) => line.slice(3));
  const commonName = lines.find((line) => line.startsWith('CN='))?.slice(3) ?? '';
  return { domain: labels.toReversed().join('.'), commonName };
}
