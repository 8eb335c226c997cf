// TLS from end to end, as the command line asks for it: what is registered, whose certificate is shown, and who gets in.

import { PosternError } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import { readAuthorities } from '../shared/net/trust.ts';
import type { Log } from '../shared/program/log.ts';
import type { CertificateAnswer } from '../shared/wire/certificate.ts';
import type { EndToEnd as Registered } from '../shared/wire/handshake.ts';
import type { CertificateSource } from './certificate-source.ts';
import { IssuedCertificate } from './issued-certificate.ts';
import { ownCertificate } from './own-certificate.ts';
import type { SupervisedSession } from './supervise.ts';
import { Termination } from './terminate.ts';
import type { TlsValues } from './tls-options.ts';

export interface EndToEnd {
  /** What the bastion is told. */
  readonly registration: Registered;
  readonly termination: Termination;
  /** The bastion took us with this session, whose public id it is. */
  registered(session: SupervisedSession, id: string): void;
  answered(answer: CertificateAnswer): void;
  close(): void;
}

/** How long a stream waits for the first certificate, and a visitor's handshake may take, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Undefined when visitors' TLS ends at the bastion. Throws PosternError `options-invalid` for files that can't be used. */
export function openEndToEnd(values: TlsValues, { clock, log }: { clock: Clock; log: Log }): EndToEnd | undefined {
  if (values.tls === 'bastion') return undefined;
  const issued = values.tlsCert === undefined ? issuedCertificate(clock, log) : undefined;
  const source = issued ?? filesOf(values, clock, log);
  const clientCa = values.clientCa === undefined ? undefined : readAuthorities(values.clientCa);
  return {
    registration: {
      certificate: issued === undefined ? 'own' : 'issued',
      visitors: clientCa === undefined ? 'all' : 'certified',
    },
    termination: new Termination({ source, clientCa, patienceMs: PATIENCE_MS, clock, log }),
    registered: (session, id) => issued?.registered(session, id),
    answered: (answer) => issued?.answered(answer),
    close: () => source.close(),
  };
}

function issuedCertificate(clock: Clock, log: Log): IssuedCertificate {
  return new IssuedCertificate({ clock, now: Date.now, random: Math.random, log });
}

function filesOf({ tlsCert, tlsKey }: TlsValues, clock: Clock, log: Log): CertificateSource {
  if (tlsCert === undefined || tlsKey === undefined)
    throw new PosternError('options-invalid', '--tls-cert and --tls-key belong together');
  return ownCertificate({ certificate: tlsCert, key: tlsKey, clock, log });
}
