// The agent's certificate from files that somebody else keeps fresh, read again when they have changed.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

import { asPosternError, PosternError } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import type { CertificateSource, Material } from './certificate-source.ts';
import { readPrivately } from './secret-file.ts';

export interface OwnCertificateOptions {
  readonly certificate: string;
  readonly key: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Polled, because watching misses a symbolic link that is replaced further up. */
const LOOK_EVERY_MS = 30_000;

/** Throws PosternError `options-invalid` when the files can't be used. */
export function ownCertificate(options: OwnCertificateOptions): CertificateSource {
  const { clock, log } = options;
  const listeners: (() => void)[] = [];
  let seen = stamps(options);
  let material = load(options);
  let timer: unknown;
  const look = (): void => {
    timer = clock.setTimeout(look, LOOK_EVERY_MS);
    const now = stamps(options);
    if (now === seen) return;
    seen = now;
    try {
      material = load(options);
    } catch (err) {
      log.warn({ err }, 'The certificate files have changed but are not usable; the old certificate stays in use');
      return;
    }
    log.info(
      { until: new Date(new X509Certificate(material.cert).validTo).toISOString() },
      'The certificate was replaced',
    );
    for (const listener of listeners) listener();
  };
  timer = clock.setTimeout(look, LOOK_EVERY_MS);
  return {
    get material() {
      return material;
    },
    onChanged: (listener) => void listeners.push(listener),
    close: () => clock.clearTimeout(timer),
  };
}

function load({ certificate, key }: OwnCertificateOptions): Material {
  try {
    const material = { cert: readFileSync(certificate, 'utf8'), key: readPrivately(key) };
    if (!new X509Certificate(material.cert).checkPrivateKey(createPrivateKey(material.key)))
      throw new Error('the key does not belong to the certificate');
    return material;
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    const problem = `${certificate}, ${key}: ${asPosternError(cause).detail ?? 'cannot be used'}`;
    throw new PosternError('options-invalid', problem, { cause });
  }
}

/** What tells one version of the two files from another; a missing file is a version, too. */
function stamps({ certificate, key }: OwnCertificateOptions): string {
  return [certificate, key]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? 'missing' : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    })
    .join(', ');
}
