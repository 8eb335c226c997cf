// The doctor's steps below HTTP: the name, the port, the proxy, and TLS with the chain that was shown.

import type { LookupAddress } from 'node:dns';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';

import { asPosternError } from '../../shared/errors.ts';
import { connectionProblem, isUntrusted } from '../../shared/net/connecting.ts';
import { lookup } from '../../shared/net/resolve.ts';
import type { Through } from '../reach.ts';
import { failed, ok, since, type Finding } from './finding.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Addresses of the name, and what was found. */
export async function resolveName({ host }: Place): Promise<{ finding: Finding; addresses: readonly string[] }> {
  const started = performance.now();
  if (isIP(host) !== 0) return { finding: ok('dns', `${host} is an address already.`), addresses: [host] };
  try {
    const found = await new Promise<readonly LookupAddress[]>((resolve, reject) => {
      lookup(host, { all: true, family: 0 }, (error, addresses) => {
        if (error === null) resolve(addresses as LookupAddress[]);
        else reject(error);
      });
    });
    const addresses = found.map(({ address }) => address);
    const finding = ok('dns', `${host} is ${addresses.join(', ')}.`, { ms: since(started), details: addresses });
    return { finding, addresses };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const advice =
      code === 'EAI_AGAIN'
        ? "This node's name server does not answer: that is for those who run the node."
        : 'Check how the name is written. If only the proxy can resolve outside names, name the proxy: --proxy or HTTPS_PROXY.';
    const finding = failed('dns', `${host} cannot be resolved (${code ?? 'unknown'}).`, advice, { ms: since(started) });
    return { finding, addresses: [] };
  }
}

/** Each address by itself: one of two families that is broken makes every dial slow. */
export async function reachPort(
  place: Place,
  addresses: readonly string[],
  timeoutMs: number,
): Promise<{ finding: Finding; reached: boolean }> {
  const tries = await Promise.all(addresses.map((address) => reachAddress(address, place.port, timeoutMs)));
  const details = tries.map(({ address, says }) => `${address}: ${says}`);
  const good = tries.filter(({ ms }) => ms !== undefined);
  const first = good[0];
  if (first === undefined) {
    const refused = tries.every(({ says }) => says.includes('ECONNREFUSED'));
    const advice = refused
      ? 'The machine is there, but nothing listens on the port: is the bastion running, and is the port right?'
      : 'Something on the way drops the packets, usually a firewall: ask whether nodes may reach this port, or take a proxy.';
    const says = `Port ${place.port} of ${place.host} cannot be reached.`;
    return { finding: failed('tcp', says, advice, { details }), reached: false };
  }
  const says = `Port ${place.port} of ${place.host} is reached in ${first.ms} ms.`;
  const finding: Finding =
    good.length === tries.length
      ? ok('tcp', says, { ms: first.ms ?? 0, details })
      : {
          ...{ step: 'tcp', outcome: 'warning', says: `${says} Not at each of its addresses.`, details },
          advice:
            'Dials are slower than they need to be; those who run the network can mend or remove the broken address.',
        };
  return { finding, reached: true };
}

async function reachAddress(
  address: string,
  port: number,
  timeoutMs: number,
): Promise<{ address: string; says: string; ms?: number }> {
  const started = performance.now();
  const socket = connect({ host: address, port });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    });
    const ms = since(started);
    return { address, says: `${ms} ms`, ms };
  } catch (error) {
    return { address, says: connectionProblem(error as NodeJS.ErrnoException) };
  } finally {
    socket.destroy();
  }
}

/** CONNECT through the proxy; the socket is the caller's. */
export async function passProxy(
  label: string,
  through: Through,
  timeoutMs: number,
): Promise<{ finding: Finding; socket: Socket | undefined }> {
  const started = performance.now();
  try {
    const socket = await through(new AbortController().signal, timeoutMs);
    return { finding: ok('proxy', `The proxy ${label} lets us through.`, { ms: since(started) }), socket };
  } catch (cause) {
    const error = asPosternError(cause, 'proxy-unreachable');
    const says = `The proxy ${label} does not let us through: ${error.message}.`;
    return { finding: failed('proxy', says, error.entry.advice, { ms: since(started) }), socket: undefined };
  }
}

export interface TlsOptions {
  readonly place: Place;
  readonly ca: string | undefined;
  /** A connection that stands already, through a proxy. */
  readonly socket: Socket | undefined;
  readonly timeoutMs: number;
}

/** A verified connection, or why there is none; in either case the chain that the other end showed. */
export async function secure(options: TlsOptions): Promise<{ finding: Finding; socket: TLSSocket | undefined }> {
  const { place, ca, timeoutMs } = options;
  const started = performance.now();
  const below =
    options.socket === undefined ? { host: place.host, port: place.port, lookup } : { socket: options.socket };
  const socket = connectTls({
    ...below,
    ALPNProtocols: ['http/1.1'],
    servername: isIP(place.host) === 0 ? place.host : '',
    ...(ca === undefined ? {} : { ca }),
  });
  let chain: readonly DetailedPeerCertificate[] = [];
  // Before the chain is judged: a refused one is just what is to be shown. The verification itself stays as it is.
  socket.prependListener('secure', () => (chain = chainOf(socket.getPeerCertificate(true))));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('it closed the connection during the handshake')));
      socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    });
    socket.setTimeout(0);
    const details = chain.map(describe);
    const says = `TLS stands (${socket.getProtocol() ?? '?'}), and the certificate is trusted.`;
    return { finding: ok('tls', says, { ms: since(started), details }), socket };
  } catch (error) {
    socket.destroy();
    return { finding: untrusted(error as NodeJS.ErrnoException, { chain, place, ca }), socket: undefined };
  }
}

function chainOf(leaf: DetailedPeerCertificate): readonly DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let at: DetailedPeerCertificate | undefined = leaf;
  // The root is its own issuer.
  while (at?.subject !== undefined && !chain.includes(at)) {
    chain.push(at);
    at = at.issuerCertificate;
  }
  return chain;
}

function describe({ subject, issuer, valid_to: until, subjectaltname: names }: DetailedPeerCertificate): string {
  return `${nameOf(subject)}, issued by ${nameOf(issuer)}, until ${until}${names === undefined ? '' : `, for ${names}`}`;
}

function nameOf({ CN, O }: { readonly CN?: string | string[]; readonly O?: string | string[] }): string {
  return [CN ?? O ?? '?'].flat().join(', ');
}

interface Shown {
  readonly chain: readonly DetailedPeerCertificate[];
  readonly place: Place;
  readonly ca: string | undefined;
}

function untrusted(error: NodeJS.ErrnoException, { chain, place, ca }: Shown): Finding {
  const details = chain.map(describe);
  if (!isUntrusted(error)) {
    const advice = 'Is that a postern bastion, and is it HTTPS? Something on the way may also cut TLS.';
    return failed('tls', `The TLS handshake failed: ${connectionProblem(error)}.`, advice, { details });
  }
  const leaf = chain[0];
  const last = chain.at(-1);
  switch (error.code) {
    case 'CERT_HAS_EXPIRED':
      return failed('tls', `A certificate has expired (${leaf?.valid_to ?? '?'}).`, EXPIRED, { details });
    case 'CERT_NOT_YET_VALID':
      return failed('tls', `A certificate is not valid yet (from ${leaf?.valid_from ?? '?'}).`, EXPIRED, { details });
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return failed(
        'tls',
        `The certificate is for another host: ${leaf?.subjectaltname ?? '?'}, not ${place.host}.`,
        "Check --bastion. If the name is right, those who run the bastion have to mend its certificate, or something answers in the bastion's place.",
        { details },
      );
    default: {
      const issuer = last === undefined ? 'somebody unknown' : nameOf(last.issuer);
      const trusted = ca === undefined ? 'the authorities of this machine' : 'the authorities in --ca';
      const advice =
        `If that is your site's own authority, give its file with --ca. If it is the name of a firewall or virus scanner, it reads ` +
        `along: ask for an exception for the bastion.`;
      return failed('tls', `The chain ends at ${issuer}, whom ${trusted} do not vouch for (${error.code}).`, advice, {
        details,
      });
    }
  }
}

const EXPIRED = "If this node's clock is right, those who run the bastion have to renew it.";
