// A CA for visitors' certificates, and certificates of it; made with openssl, whose readers and writers are not ours.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface VisitorCa {
  /** PEM. */
  readonly certificate: string;
  issue(name: string): { readonly cert: string; readonly key: string };
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function visitorCa(name: string): VisitorCa {
  const folder = mkdtempSync(join(tmpdir(), 'postern-ca-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = (file: string): string => join(folder, file);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  openssl(
    ...['req', '-x509', ...NEW_KEY, '-keyout', path('ca.key'), '-out', path('ca.pem'), '-days', '2'],
    ...['-subj', `/CN=${name}`],
  );
  return {
    certificate: readFileSync(path('ca.pem'), 'utf8'),
    issue: (who) => {
      openssl(
        'req',
        '-new',
        ...NEW_KEY,
        '-keyout',
        path(`${who}.key`),
        '-out',
        path('request.pem'),
        '-subj',
        `/CN=${who}`,
      );
      openssl(
        ...['x509', '-req', '-in', path('request.pem'), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-days', '1'],
        ...['-out', path(`${who}.pem`)],
      );
      return { cert: readFileSync(path(`${who}.pem`), 'utf8'), key: readFileSync(path(`${who}.key`), 'utf8') };
    },
  };
}
