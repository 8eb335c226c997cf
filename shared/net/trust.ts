// Which certificate authorities a dialler believes: those of one file alone, or those of Node and the system.

import { readFileSync } from 'node:fs';
// Not by name: an older Node.js would fail to link before it could be told so.
import tls from 'node:tls';
import { X509Certificate } from 'node:crypto';

import { PosternError } from '../errors.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a CA file in PEM, nothing else of it; throws `options-invalid` when it holds none that can be read. */
export function readAuthorities(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PosternError('options-invalid', `the CA file ${path} cannot be read`, { cause });
  }
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new PosternError('options-invalid', `${path} holds no certificate in PEM`);
  for (const pem of certificates) checkCertificate(path, pem);
  return certificates.join('\n');
}

/**
 * What is trusted when no file is named: Node's own list, the system's, and NODE_EXTRA_CA_CERTS, since a site's own CA
 * is usually installed in the system. PEM; undefined leaves it to Node, if the system's can't be read.
 */
export function systemAuthorities(): string | undefined {
  try {
    const all = new Set([
      ...tls.getCACertificates('bundled'),
      ...tls.getCACertificates('system'),
      ...tls.getCACertificates('extra'),
    ]);
    return all.size === 0 ? undefined : [...all].join('\n');
  } catch {
    return undefined;
  }
}

function checkCertificate(path: string, pem: string): void {
  try {
    void new X509Certificate(pem);
  } catch (cause) {
    throw new PosternError('options-invalid', `${path} holds a certificate that cannot be read`, { cause });
  }
}
