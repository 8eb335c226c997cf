// Says in words what a CA is, for `ca show` and `postern-certs show`.

import { X509Certificate } from 'node:crypto';

import type { Authority } from './authority.ts';

/** Some lines of text: domain, expiry, fingerprint, and how a browser and curl come to trust it. */
export function describeAuthority(authority: Authority, path: string): string {
  const { fingerprint256 } = new X509Certificate(authority.certificate);
  return [
    authority.subject.commonName,
    `  for          ${authority.domain} and *.${authority.domain}, nothing else`,
    `  expires      ${new Date(authority.expiresAt).toISOString()}`,
    `  SHA-256      ${fingerprint256}`,
    `  certificate  ${path}`,
    '',
    'To trust it:',
    `  curl, the agent   --cacert ${path}, --ca ${path}`,
    '  Firefox           Settings, Privacy & Security, View Certificates, Authorities, Import',
    '  Chrome            Settings, Privacy and security, Security, Manage certificates, Import',
    `  Debian, Ubuntu    cp ${path} /usr/local/share/ca-certificates/postern.crt && update-ca-certificates`,
    '',
  ].join('\n');
}
