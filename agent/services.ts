// What visitors can reach beside the notebook: services by name and ports, as the command line allows them and nothing else.

import { PosternError } from '../shared/errors.ts';
import { allowsPort, portOf, type PortRange, type ServiceOffer } from '../shared/wire/handshake.ts';
import { WEB, type Service } from './serve.ts';
import { parseTarget, targetLabel, type Target } from './upstreams/target.ts';
import type { Upstream } from './upstreams/upstream.ts';

/** A host name's label has no room for more: `NAME--SERVICE`. */
const LONGEST_LABEL = 63;
const MOST_SERVICES = 31;
const MOST_RANGES = 32;

export interface NamedTarget {
  readonly name: string;
  readonly target: Target;
  /** Its bytes are carried as they are: it speaks TLS with visitors itself. */
  readonly raw: boolean;
}

/** Reads `tensorboard=http://127.0.0.1:6006` or `dask=tcp:127.0.0.1:8786`; throws `options-invalid` saying what is wrong. */
export function parseService(text: string): NamedTarget {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals));
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name))
    throw invalid(text, 'is not SERVICE=TARGET, as in tensorboard=http://127.0.0.1:6006');
  if (name === WEB) throw invalid(text, 'takes the name of the notebook itself');
  if (/^[0-9]+$/.test(name)) throw invalid(text, 'has a number for its name: see --allow-port');
  const address = text.slice(equals + 1);
  const raw = address.startsWith('tcp:');
  return { name, raw, target: raw ? rawTarget(address) : parseTarget(address) };
}

/** `tcp:HOST:PORT`. */
function rawTarget(address: string): Target {
  const rest = address.slice('tcp:'.length);
  if (!/:[0-9]{1,5}$/.test(rest)) throw invalid(address, 'is not tcp:HOST:PORT');
  return parseTarget(`http://${rest}`);
}

/** Reads `8787` or `6000-6010`; throws `options-invalid`. */
export function parsePorts(text: string): PortRange {
  const [, first, last = first] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [portOf(first ?? ''), portOf(last ?? '')];
  if (from === undefined || to === undefined || from > to)
    throw invalid(text, 'is neither a port nor a range such as 6000-6010');
  return [from, to];
}

export interface ServiceValues {
  readonly name: string;
  readonly service: readonly string[];
  readonly allowPort: readonly string[];
  readonly allowForeignUpstream: boolean;
  readonly publicService: readonly string[];
  /** As --access says it. */
  readonly access: string;
}

/** What is wrong with the options together; each is right by itself. */
export function serviceProblems(values: ServiceValues): string[] {
  const { name, service, allowPort, allowForeignUpstream } = values;
  const services = service.map(parseService);
  const problems = policyProblems(values, services);
  const names = new Set(services.map((each) => each.name));
  if (names.size < services.length) problems.push('--service has one name twice');
  if (services.length > MOST_SERVICES) problems.push(`--service is given more than ${MOST_SERVICES} times`);
  if (allowPort.length > MOST_RANGES) problems.push(`--allow-port is given more than ${MOST_RANGES} times`);
  for (const suffix of [...names, ...(allowPort.length > 0 ? ['65535'] : [])])
    if (`${name}--${suffix}`.length > LONGEST_LABEL)
      problems.push(`"${name}--${suffix}" is longer than the ${LONGEST_LABEL} characters of a host name's label`);
  for (const { name: which, target } of services)
    if (target.kind !== 'unix' && !target.loopback && !allowForeignUpstream)
      problems.push(
        `--service ${which}=${targetLabel(target)} is not on this machine's loopback: that needs --allow-foreign-upstream`,
      );
  return problems;
}

/** Nobody in between can tell who comes to a raw service: that has to be said, and of nothing else. */
function policyProblems({ publicService, access }: ServiceValues, services: readonly NamedTarget[]): string[] {
  const raw = services.flatMap((service) => (service.raw ? [service.name] : []));
  const unsaid = access === 'public' ? [] : raw.filter((name) => !publicService.includes(name));
  return [
    ...unsaid.map(
      (name) =>
        `--service ${name}=tcp:... looks after itself who comes, neither bastion nor agent can: that needs --public-service ${name}`,
    ),
    ...publicService
      .filter((name) => !raw.includes(name))
      .map((name) => `--public-service ${name} is no --service ${name}=tcp:...`),
  ];
}

/** Makes the upstreams of what the options name. */
export interface Upstreams {
  ofTarget(target: Target): Upstream;
  /** A port of this machine's loopback that must belong to the agent's own user. */
  ofPort(port: number): Upstream;
}

export interface Services {
  /** By the name that a stream asks for. */
  get(name: string): Service | undefined;
  readonly offers: readonly ServiceOffer[];
  readonly ports: readonly PortRange[];
}

/** The services of the command line; upstreams of ports are made when they are first asked for. */
export function openServices(values: ServiceValues, upstreams: Upstreams): Services {
  const ports = values.allowPort.map(parsePorts);
  const known = new Map<string, Service>();
  const unwatched = (name: string, upstream: Upstream): Service => ({ name, upstream, phase: () => 'unwatched' });
  const services = values.service.map(parseService);
  for (const { name, target, raw } of services)
    known.set(name, { ...unwatched(name, upstreams.ofTarget(target)), raw });
  return {
    offers: services.map(({ name, raw }) => ({
      name,
      ...(raw ? { kind: 'tcp' as const } : {}),
      ...(values.publicService.includes(name) ? { access: 'public' as const } : {}),
    })),
    ports,
    get: (name) => {
      const there = known.get(name);
      const port = portOf(name);
      if (there !== undefined || port === undefined || !allowsPort(ports, port)) return there;
      const service = unwatched(name, upstreams.ofPort(port));
      known.set(name, service);
      return service;
    },
  };
}

/** What the owner is told: a service's name, or the ports, and the URL with PORT where one is to be put in. */
export interface ServiceUrl {
  readonly service: string;
  readonly url: string;
}

/** The URLs under which visitors reach the services, from the bastion's template. */
export function serviceUrls(name: string, { offers, ports }: Services, template: string): ServiceUrl[] {
  const fill = (service: string): string => template.replace('{name}', name).replace('{service}', service);
  return [
    ...offers.map((offer) => ({
      service: offer.name,
      url: offer.kind === 'tcp' ? rawUrl(fill(offer.name)) : fill(offer.name),
    })),
    ...ports.map(([from, to]) =>
      from === to
        ? { service: `port ${from}`, url: fill(String(from)) }
        : { service: `ports ${from}-${to}`, url: fill('PORT') },
    ),
  ];
}

/** As Dask and others write an address behind TLS, the port always there. */
function rawUrl(url: string): string {
  const { hostname, port } = new URL(url);
  return `tls://${hostname}:${port === '' ? 443 : port}`;
}

function invalid(text: string, problem: string): PosternError {
  return new PosternError('options-invalid', `"${text}" ${problem}`);
}
