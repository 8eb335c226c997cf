// Certificates as only a thief of the CA's key would make them, for the tests that show what the CA's constraints are worth.

import { generateKeyPairSync } from 'node:crypto';

import { newSerial, type Authority } from '../../../certs/authority.ts';
import { signCertificate, type AlternativeName } from '../../../certs/der.ts';

export interface Forged {
  readonly certificate: string;
  readonly key: string;
}

/** A leaf for any names, signed with the CA's key. */
export function forge(authority: Authority, names: readonly AlternativeName[]): Forged {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const certificate = signCertificate(
    {
      profile: { kind: 'leaf', names },
      subject: { commonName: 'postern bastion' },
      issuer: authority.subject,
      serial: newSerial(),
      notBefore: new Date(now - 60_000),
      notAfter: new Date(now + 86_400_000),
      publicKey,
      issuerPublicKey: authority.publicKey,
    },
    authority.key,
  );
  return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

/** A CA below the CA, and a leaf from it. */
export function forgeBelow(authority: Authority): { readonly intermediate: string; readonly leaf: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const common = { notBefore: new Date(now - 60_000), notAfter: new Date(now + 86_400_000), publicKey };
  const subject = { commonName: 'an intermediate' };
  const intermediate = signCertificate(
    {
      ...common,
      profile: { kind: 'authority', domain: authority.domain },
      subject,
      issuer: authority.subject,
      serial: newSerial(),
      issuerPublicKey: authority.publicKey,
    },
    authority.key,
  );
  const leaf = signCertificate(
    {
      ...common,
      profile: { kind: 'leaf', names: [{ dns: authority.domain }] },
      subject: { commonName: 'postern bastion' },
      issuer: subject,
      serial: newSerial(),
      issuerPublicKey: publicKey,
    },
    privateKey,
  );
  return { intermediate, leaf };
}
