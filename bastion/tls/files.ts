// A certificate and key from files that somebody else keeps fresh, read again whenever they have changed.

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';

import { PosternError, asPosternError } from '../../shared/errors.ts';
import type { Log } from '../../shared/program/log.ts';
import { WALL_CLOCK, type CertificateClock } from './timer.ts';
import type { TlsSource } from './tls-source.ts';

export interface TlsFilesOptions {
  /** PEM, the leaf first, then the chain. */
  readonly certificate: string;
  /** PEM, without a passphrase. */
  readonly key: string;
  readonly log: Log;
  readonly clock?: CertificateClock;
}

export interface TlsFiles extends TlsSource {
  /** Reads the files now; an unusable pair is logged, and the one in use stays. */
  reload(): void;
}

/** Polled, because watching misses what certbot and Kubernetes do: replacing a symbolic link further up. */
const LOOK_EVERY_MS = 5000;

interface Loaded {
  readonly leaf: X509Certificate;
  readonly context: SecureContext;
  readonly material: { readonly cert: string; readonly key: string };
}

/** Throws `certificate-invalid` when the pair can't be used. */
export function openTlsFiles(options: TlsFilesOptions): TlsFiles {
  const { log, clock = WALL_CLOCK } = options;
  const listeners: (() => void)[] = [];
  let seen = stamps(options);
  let current = load(options);
  warnOfExpiry(current, clock, log);

  const reload = (): void => {
    // Taken before reading: a change during the reading is then seen at the next look.
    seen = stamps(options);
    try {
      const fresh = load(options);
      if (fresh.leaf.fingerprint256 === current.leaf.fingerprint256) return;
      current = fresh;
      log.info({ expires: fresh.leaf.validTo }, 'the certificate was replaced');
      warnOfExpiry(fresh, clock, log);
    } catch (err) {
      // Usual for a moment: the certificate is there already, its key not yet.
      log.warn({ err }, 'the certificate files have changed but are not usable; the old certificate stays in use');
      return;
    }
    for (const listener of listeners) listener();
  };
  const stop = clock.every(LOOK_EVERY_MS, () => {
    if (stamps(options) !== seen) reload();
  });
  return {
    context: (serverName) =>
      serverName === undefined || covers(current.leaf, serverName) ? current.context : undefined,
    material: () => current.material,
    authority: undefined,
    certify: undefined,
    onChanged: (listener) => listeners.push(listener),
    reload,
    close: stop,
  };
}

/** Host names only: checkHost throws at a zero byte, and reads a leading dot as "anything below". */
function covers(leaf: X509Certificate, serverName: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{0,252}$/.test(serverName) && leaf.checkHost(serverName) !== undefined;
}

function load(options: TlsFilesOptions): Loaded {
  try {
    const cert = readFileSync(options.certificate, 'utf8');
    const key = readFileSync(options.key, 'utf8');
    const leaf = new X509Certificate(cert);
    if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error('the key does not belong to the certificate');
    const material = { cert, key };
    return { leaf, material, context: createSecureContext(material) };
  } catch (cause) {
    const where = `${options.certificate}, ${options.key}`;
    throw new PosternError('certificate-invalid', `${where}: ${asPosternError(cause).detail}`, { cause });
  }
}

/** What tells one version of the two files from another; a missing file is a version, too. */
function stamps(options: TlsFilesOptions): string {
  return [options.certificate, options.key]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? 'missing' : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    })
    .join(', ');
}

function warnOfExpiry({ leaf }: Loaded, clock: CertificateClock, log: Log): void {
  const left = Date.parse(leaf.validTo) - clock.now();
  if (left < 7 * 86_400_000) log.warn({ expires: leaf.validTo }, 'the certificate expires soon, or has expired');
}
