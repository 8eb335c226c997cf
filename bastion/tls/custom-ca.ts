// Certificates from the bastion's own CA in its state directory, renewed while it runs and without dropping a connection.

import { createSecureContext, type SecureContext } from 'node:tls';

import { certify } from '../../certs/leaf.ts';
import { openAuthority, openLeaf } from '../../certs/store.ts';
import type { Log } from '../../shared/program/log.ts';
import { WALL_CLOCK, type CertificateClock } from './timer.ts';
import type { TlsSource } from './tls-source.ts';

export interface CustomCaOptions {
  /** The state directory; the CA is made there if there is none. */
  readonly directory: string;
  readonly domain: string;
  readonly log: Log;
  readonly clock?: CertificateClock;
}

/** How often a leaf is looked at: short, because a suspended host's timers stand still. */
const LOOK_EVERY_MS = 600_000;

/** Throws `ca-invalid` or `state-unusable` when the CA there can't be used. */
export function openCustomCa(options: CustomCaOptions): TlsSource {
  const { directory, domain, log, clock = WALL_CLOCK } = options;
  const authority = openAuthority(directory, domain, clock.now());
  const listeners: (() => void)[] = [];
  let leaf = openLeaf(directory, authority, clock.now());
  let context = toContext(leaf);

  const renew = (): void => {
    if (clock.now() < leaf.renewAt) return;
    try {
      leaf = openLeaf(directory, authority, clock.now());
      context = toContext(leaf);
      log.info({ expires: new Date(leaf.expiresAt).toISOString() }, 'the certificate was renewed');
    } catch (err) {
      // There is a third of its life left to repair the cause; the next look tries again.
      log.error({ err, expires: new Date(leaf.expiresAt).toISOString() }, 'the certificate could not be renewed');
      return;
    }
    for (const listener of listeners) listener();
  };
  const stop = clock.every(LOOK_EVERY_MS, renew);
  return {
    context: (serverName) => (serverName === undefined || covers(domain, serverName) ? context : undefined),
    material: () => ({ cert: leaf.certificate, key: leaf.key }),
    authority: authority.certificate,
    certify: ({ hosts: names, publicKey, expiresAt }) => [
      certify(authority, { names, publicKey, expiresAt, now: clock.now() }),
      authority.certificate,
    ],
    onChanged: (listener) => listeners.push(listener),
    close: stop,
  };
}

/** The domain itself and one label below it: what the leaf's wildcard covers. */
function covers(domain: string, serverName: string): boolean {
  if (serverName === domain) return true;
  const label = serverName.endsWith(`.${domain}`) ? serverName.slice(0, -domain.length - 1) : '';
  return label !== '' && !label.includes('.');
}

function toContext(leaf: { readonly certificate: string; readonly key: string }): SecureContext {
  return createSecureContext({ cert: leaf.certificate, key: leaf.key });
}
