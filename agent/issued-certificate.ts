// The agent's certificate from its bastion: a key made here, proven over the tunnel, certified there, and renewed in time.

import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';

import { PosternError } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import { certificateProof, type CertificateAnswer } from '../shared/wire/certificate.ts';
import type { CertificateSource, Material } from './certificate-source.ts';
import type { SupervisedSession } from './supervise.ts';

export interface IssuedCertificateOptions {
  readonly clock: Clock;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
}

/** A session that a request can go over. */
interface Standing {
  readonly session: Pick<SupervisedSession, 'sendInfo' | 'closed'>;
  readonly id: string;
}

interface Pending {
  readonly request: number;
  readonly privateKey: KeyObject;
  readonly over: Standing;
}

const ANSWER_MS = 15_000;
const AGAIN_MS = 60_000;
/** A new bastion may have another authority; not all of its agents have to ask it in the same second. */
const SPREAD_MS = 600_000;
/** Timers stand still on a suspended host: the clock is looked at often. */
const LOOK_EVERY_MS = 30_000;

export class IssuedCertificate implements CertificateSource {
  readonly #options: IssuedCertificateOptions;
  readonly #listeners: (() => void)[] = [];
  #standing: readonly Standing[] = [];
  #pending: Pending | undefined;
  #material: Material | undefined;
  #requests = 0;
  /** When the next request is due, in Unix milliseconds. */
  #dueAt = 0;
  #timer: unknown;
  #ended = false;

  constructor(options: IssuedCertificateOptions) {
    this.#options = options;
  }

  get material(): Material | undefined {
    return this.#material;
  }

  onChanged(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** The bastion took us with this session, whose public id it is. */
  registered(session: Standing['session'], id: string): void {
    const standing = { session, id };
    this.#standing = [standing, ...this.#standing];
    void session.closed.then(() => this.#lost(standing));
    const soon = this.#options.now() + this.#options.random() * SPREAD_MS;
    if (this.#material !== undefined) this.#dueAt = Math.min(this.#dueAt, soon);
    else if (this.#pending === undefined) this.#dueAt = 0;
    this.#look();
  }

  /** The bastion's answer to a request. */
  answered(answer: CertificateAnswer): void {
    const pending = this.#pending;
    if (pending?.request !== answer.request) return;
    this.#pending = undefined;
    try {
      if ('code' in answer) throw new PosternError(answer.code);
      this.#take(answer.chain, pending.privateKey);
    } catch (err) {
      this.#options.log.warn({ err }, 'The bastion gave no certificate; it is asked again');
      this.#wait(AGAIN_MS);
      return;
    }
    for (const listener of this.#listeners) listener();
  }

  #take(chain: readonly string[], privateKey: KeyObject): void {
    const certificates = chain.map((text) => new X509Certificate(Buffer.from(text, 'base64')));
    const [leaf] = certificates;
    if (leaf === undefined || !leaf.checkPrivateKey(privateKey))
      throw new PosternError('certificate-invalid', 'it is not for the key that was sent');
    const left = Date.parse(leaf.validTo) - this.#options.now();
    if (left <= 0) throw new PosternError('certificate-invalid', "it has ended already, by this machine's clock");
    this.#material = {
      cert: certificates.map((certificate) => certificate.toString()).join(''),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    };
    const { log } = this.#options;
    log.info({ until: new Date(leaf.validTo).toISOString(), hosts: leaf.subjectAltName }, 'There is a new certificate');
    this.#wait((left * 2) / 3);
  }

  #lost(standing: Standing): void {
    this.#standing = this.#standing.filter((other) => other !== standing);
    if (this.#pending?.over !== standing) return;
    this.#pending = undefined;
    this.#wait(0);
  }

  /** The next request is due in so many milliseconds. */
  #wait(ms: number): void {
    this.#dueAt = this.#options.now() + ms;
    this.#look();
  }

  #look(): void {
    const { clock, now } = this.#options;
    clock.clearTimeout(this.#timer);
    if (this.#ended) return;
    const [over] = this.#standing;
    if (over !== undefined && now() >= this.#dueAt) this.#ask(over);
    const left = Math.max(this.#dueAt - now(), 0);
    this.#timer = clock.setTimeout(() => this.#look(), left === 0 ? LOOK_EVERY_MS : Math.min(left, LOOK_EVERY_MS));
  }

  #ask(over: Standing): void {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
    const request = (this.#requests += 1);
    const proof = sign('sha256', Buffer.from(certificateProof(over.id, request, key)), privateKey).toString(
      'base64url',
    );
    this.#pending = { request, privateKey, over };
    // Without an answer by then, it is asked again.
    this.#dueAt = this.#options.now() + ANSWER_MS;
    over.session.sendInfo({ type: 'certificate-request', request, key, proof });
  }
}
