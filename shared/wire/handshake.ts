// What agent and bastion tell each other in the HTTP upgrade that registers a tunnel (docs/protocol.md, "Registering").

import { PosternError, isErrorCode } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { readPolicy, type AccessPolicy } from './access.ts';
import { readCertificateInfo, type CertificateAnswer, type CertificateRequest } from './certificate.ts';
import { MESSAGE_BYTES } from './frame.ts';
import {
  atLeast,
  count,
  hash,
  hexadecimal,
  list,
  malformed,
  object,
  oneOf,
  plainText,
  text,
  type Json,
} from './json.ts';
import {
  readJobFacts,
  readJobInfo,
  type ActivityInfo,
  type IdleInfo,
  type JobFacts,
  type JobInfo,
  type KeepInfo,
} from './job.ts';

export const SUBPROTOCOL = 'postern.1';
export const TUNNEL_PATH = '/_postern/tunnel';
/** `NAME--postern` is where the bastion itself answers the owner: no service can be called so. */
export const OWN_SERVICE = 'postern';
/** Request header: a Registration as base64url JSON. */
export const REGISTRATION_HEADER = 'postern-registration';
/** Request header instead of REGISTRATION_HEADER: a Registration that is only to be rehearsed. A bastion that doesn't know it refuses. */
export const PROBE_HEADER = 'postern-probe';
/** In a rehearsal, the agent may open streams to this service: a line with a count, bytes, and END; so many bytes come back. */
export const PROBE_SERVICE = 'probe';
/** Most bytes of a rehearsal's stream, each way. */
export const PROBE_LONGEST_BYTES = 16 * 2 ** 20;
/** Header of the 101 answer: an Acceptance as base64url JSON. */
export const ACCEPTANCE_HEADER = 'postern-acceptance';
/** Request header instead of REGISTRATION_HEADER: a Resumption as base64url JSON; in the 101 answer, a Resumed. */
export const RESUMPTION_HEADER = 'postern-resumption';

/** Longest accepted header value, in characters: half of what Node allows for all headers together. */
const MAX_HEADER = 8192;
const MAX_NAMES = 16;
const MAX_SERVICES = 32;
const MAX_LINKS = 8;
const MAX_CREDENTIAL = 8192;
const MAX_SLOTS = 16;
const MAX_QUIET = 16;
const MAX_PORT_RANGES = 32;

/** What each end is ready to take; the sender of frames keeps to the other end's. */
export interface Limits {
  /** Bytes of credit each stream starts with, in the direction towards the end that states it; at least 1. */
  readonly credit: number;
  /** Streams open at once. */
  readonly streams: number;
  /** Longest WebSocket message, in bytes; at least MESSAGE_BYTES, which is what senders fill. */
  readonly message: number;
}

/** http: visitors' requests are read and forwarded. tcp: only bytes that nobody reads are carried to it. */
export type ServiceKind = 'http' | 'tcp';

export interface ServiceOffer {
  /** What OPEN names: `web` is the one that `NAME.domain` leads to, any other answers at `NAME--SERVICE.domain`. */
  readonly name: string;
  /** `http` when it is absent. */
  readonly kind?: ServiceKind;
  /** Anybody may come, asked for explicitly: what a service of kind `tcp` needs, where nobody in between can tell who comes. */
  readonly access?: 'public';
  /** The Authorization value that this service of the notebook accepts; a secret that visitors never see. */
  readonly authorization?: string;
}

/** Ports of the agent's loopback that OPEN may name in decimal: the first and the last one. */
export type PortRange = readonly [from: number, to: number];

/** private: only who proves to be the owner. public: anybody, asked for explicitly. */
export type Access = 'private' | 'public';

/**
 * The agent itself ends its visitors' TLS: the bastion passes on what it can't read. `issued`: with certificates that it
 * asks the bastion for; `own`: with one that it has. `certified`: it lets nobody in without a certificate of a CA that it
 * was given; `all`: whoever comes.
 */
export interface EndToEnd {
  readonly certificate: 'issued' | 'own';
  readonly visitors: 'certified' | 'all';
}

/** The feature that an acceptance has to name, or the bastion would end the visitors' TLS all the same. */
export const END_TO_END_FEATURE = 'end-to-end';

export interface Registration {
  /** Software and release, for logs: `postern-agent/0.1.0`. */
  readonly agent: string;
  /** 128 random bits in hexadecimal, new for each agent process. */
  readonly instance: string;
  /** Which of the agent's links this is, from 0. */
  readonly slot: number;
  readonly names: readonly string[];
  readonly access: Access;
  /** Whom else to let in; an older bastion, which does not know it, goes by `access`, so that must not be wider. */
  readonly policy?: AccessPolicy;
  readonly services: readonly ServiceOffer[];
  /** What answers at `NAME--PORT.domain`; nothing when it is absent. */
  readonly ports?: readonly PortRange[];
  /** SHA-256 (hexadecimal) of each unspent one-time secret that opens these names; the secrets stay with the agent. */
  readonly links: readonly string[];
  readonly features: readonly string[];
  readonly limits: Limits;
  /** The batch job that the agent runs in. */
  readonly job?: JobFacts;
  readonly tls?: EndToEnd;
  /** Beginnings of paths that the notebook's pages ask by themselves: what goes there is no use of the notebook. */
  readonly quiet?: readonly string[];
}

export interface Acceptance {
  readonly bastion: string;
  /** Public id of the session (logs, resumption); 128 random bits in hexadecimal. */
  readonly session: string;
  /** 256 random bits, base64url: the key of resumption proofs. Never logged. */
  readonly resumeKey: string;
  /** How long the bastion keeps the session of a lost link, in milliseconds. */
  readonly resumeMs: number;
  /** name -> URL under which visitors reach it. */
  readonly urls: Readonly<Record<string, string>>;
  /** The URL of a name's other services and ports, with `{name}` and `{service}` to be filled in; absent where there are none. */
  readonly serviceUrl?: string;
  /** Unix milliseconds at which the credential, and with it the tunnel, ends. */
  readonly expiresAt: number;
  readonly features: readonly string[];
  readonly limits: Limits;
  /** Of a rehearsal only: whether a running notebook of the same owner would have to go. */
  readonly probe?: { readonly replaces: boolean };
}

export interface Resumption {
  readonly session: string;
  /** Strictly increasing within a session. */
  readonly attempt: number;
  /** Kind-0 messages received so far. */
  readonly received: number;
  /** HMAC-SHA256 of the resume key over `postern.1 resume\n<session>\n<attempt>\n<received>`, base64url without padding. */
  readonly proof: string;
}

/** The bastion's side of a resumption. */
export interface Resumed {
  /** Kind-0 messages the bastion has received so far: the agent sends again what came after. */
  readonly received: number;
}

/** An agent with several links says the same on each: what has no higher number than was heard before is old. */
interface Numbered {
  /** Higher with each news of its sender; missing where there is one link only. */
  readonly serial?: number;
}

/** What INFO frames carry. Unknown types are ignored, so that either end may be newer. */
export type Info = Numbered & News;

type News =
  /** agent: the hashes of the now valid one-time secrets, replacing all earlier ones. */
  | { readonly type: 'links'; readonly hashes: readonly string[] }
  /** bastion: a one-time link was used, from this address. */
  | { readonly type: 'link-spent'; readonly hash: string; readonly from: string }
  /** agent: a fresh credential, to go on with when the one it registered with ends. A secret. */
  | { readonly type: 'credential'; readonly credential: string }
  /** bastion: until when the tunnel holds now (Unix milliseconds), and why the fresh credential was not taken, if so. */
  | { readonly type: 'credential-judged'; readonly expiresAt: number; readonly code?: ErrorCode }
  /** agent: the service began or ceased to answer; `exit` is the notebook's exit code once it has ended. */
  | { readonly type: 'readiness'; readonly service: string; readonly ready: boolean; readonly exit?: number }
  | JobInfo
  | IdleInfo
  | ActivityInfo
  | KeepInfo
  | CertificateRequest
  | CertificateAnswer;

/** The header value of a registration, acceptance or resumption. */
export function encodeHeader(value: Registration | Acceptance | Resumption | Resumed): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Reads a registration header; throws PosternError `registration-malformed` naming the field that is wrong. */
export function decodeRegistration(header: string): Registration {
  const json = decodeObject(header);
  return {
    agent: text(json, 'agent', 100),
    instance: hexadecimal(json, 'instance', 32),
    slot: count(json, 'slot', MAX_SLOTS - 1),
    names: list(json, 'names', MAX_NAMES, (item) => plainText(item, 'names', 63)),
    access: oneOf(json, 'access', ['private', 'public'] as const),
    ...(json['policy'] === undefined ? {} : { policy: readPolicy(json['policy']) }),
    services: list(json, 'services', MAX_SERVICES, serviceOffer),
    ...(json['ports'] === undefined ? {} : { ports: list(json, 'ports', MAX_PORT_RANGES, portRange) }),
    links: list(json, 'links', MAX_LINKS, (item) => hash(item, 'links')),
    features: list(json, 'features', 64, (item) => plainText(item, 'features', 40)),
    limits: limits(json),
    ...(json['job'] === undefined ? {} : { job: readJobFacts(json['job']) }),
    ...(json['tls'] === undefined ? {} : { tls: endToEnd(json) }),
    ...(json['quiet'] === undefined ? {} : { quiet: list(json, 'quiet', MAX_QUIET, quietPath) }),
  };
}

/** Reads an acceptance header; throws PosternError `registration-malformed`. */
export function decodeAcceptance(header: string): Acceptance {
  const json = decodeObject(header);
  const urls = object(json['urls'], 'urls');
  return {
    bastion: text(json, 'bastion', 100),
    session: hexadecimal(json, 'session', 32),
    resumeKey: text(json, 'resumeKey', 64),
    resumeMs: count(json, 'resumeMs', Number.MAX_SAFE_INTEGER),
    urls: Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, plainText(url, 'urls', 500)])),
    ...(json['serviceUrl'] === undefined ? {} : { serviceUrl: text(json, 'serviceUrl', 500) }),
    expiresAt: count(json, 'expiresAt', Number.MAX_SAFE_INTEGER),
    features: list(json, 'features', 64, (item) => plainText(item, 'features', 40)),
    limits: limits(json),
    ...(json['probe'] === undefined
      ? {}
      : { probe: { replaces: object(json['probe'], 'probe')['replaces'] === true } }),
  };
}

/** Reads a resumption header; throws PosternError `registration-malformed`. */
export function decodeResumption(header: string): Resumption {
  const json = decodeObject(header);
  return {
    session: hexadecimal(json, 'session', 32),
    attempt: count(json, 'attempt', Number.MAX_SAFE_INTEGER),
    received: count(json, 'received', Number.MAX_SAFE_INTEGER),
    proof: text(json, 'proof', 64),
  };
}

/** Reads the answer to a resumption; throws PosternError `registration-malformed`. */
export function decodeResumed(header: string): Resumed {
  return { received: count(decodeObject(header), 'received', Number.MAX_SAFE_INTEGER) };
}

/** Reads an INFO payload: undefined for a type this release doesn't know; throws `protocol-error` for what is not JSON of a known shape. */
export function decodeInfo(payload: Uint8Array): Info | undefined {
  try {
    const json = object(JSON.parse(Buffer.from(payload).toString('utf8')), 'info');
    const news = newsOf(json);
    if (news === undefined || json['serial'] === undefined) return news;
    return { ...news, serial: count(json, 'serial', Number.MAX_SAFE_INTEGER) };
  } catch (cause) {
    throw new PosternError('protocol-error', 'an INFO frame that cannot be read', { cause });
  }
}

function newsOf(json: Json): News | undefined {
  if (json['type'] === 'links')
    return { type: 'links', hashes: list(json, 'hashes', MAX_LINKS, (item) => hash(item, 'hashes')) };
  if (json['type'] === 'link-spent')
    return { type: 'link-spent', hash: hexadecimal(json, 'hash', 64), from: text(json, 'from', 64) };
  if (json['type'] === 'credential')
    return { type: 'credential', credential: text(json, 'credential', MAX_CREDENTIAL) };
  if (json['type'] === 'credential-judged') return judgement(json);
  if (json['type'] !== 'readiness') return readJobInfo(json) ?? readCertificateInfo(json);
  const exit = json['exit'] === undefined ? {} : { exit: count(json, 'exit', 255) };
  return { type: 'readiness', service: text(json, 'service', 63), ready: json['ready'] === true, ...exit };
}

function judgement(json: Json): News {
  const expiresAt = count(json, 'expiresAt', Number.MAX_SAFE_INTEGER);
  if (json['code'] === undefined) return { type: 'credential-judged', expiresAt };
  const code = text(json, 'code', 40);
  // A newer bastion may have codes of its own.
  return { type: 'credential-judged', expiresAt, code: isErrorCode(code) ? code : 'credential-invalid' };
}

function decodeObject(header: string): Json {
  if (header.length > MAX_HEADER) throw malformed('header', `longer than ${MAX_HEADER} characters`);
  try {
    return object(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')), 'header');
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('registration-malformed', 'the header is not base64url JSON', { cause });
  }
}

function quietPath(value: unknown): string {
  const path = plainText(value, 'quiet', 200);
  if (!path.startsWith('/')) throw malformed('quiet', 'a path that does not begin with /');
  return path;
}

function serviceOffer(value: unknown): ServiceOffer {
  const json = object(value, 'services');
  const name = text(json, 'name', 63);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) throw malformed('services', 'a name that is not a label');
  if (name === OWN_SERVICE) throw malformed('services', `"${OWN_SERVICE}" is the bastion's own`);
  // A number is a port, and what answers there is said by `ports`.
  if (/^[0-9]+$/.test(name)) throw malformed('services', 'a name that is a number');
  return {
    name,
    ...(json['kind'] === undefined ? {} : { kind: oneOf(json, 'kind', ['http', 'tcp'] as const) }),
    ...(json['access'] === undefined ? {} : { access: oneOf(json, 'access', ['public'] as const) }),
    ...(json['authorization'] === undefined ? {} : { authorization: text(json, 'authorization', 1000) }),
  };
}

function portRange(value: unknown): PortRange {
  const [from, to, ...more] = Array.isArray(value) ? (value as unknown[]) : [];
  if (!isPort(from) || !isPort(to) || from > to || more.length > 0)
    throw malformed('ports', 'not two port numbers, the first and the last');
  return [from, to];
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** The port that a service's name stands for in decimal, without leading zeros; undefined for any other name. */
export function portOf(service: string): number | undefined {
  return /^[1-9][0-9]{0,4}$/.test(service) && Number(service) <= 65_535 ? Number(service) : undefined;
}

/** Whether the ports that an agent allows include this one. */
export function allowsPort(ports: readonly PortRange[] | undefined, port: number): boolean {
  return ports?.some(([from, to]) => from <= port && port <= to) === true;
}

function endToEnd(json: Json): EndToEnd {
  const value = object(json['tls'], 'tls');
  return {
    certificate: oneOf(value, 'certificate', ['issued', 'own'] as const),
    visitors: oneOf(value, 'visitors', ['certified', 'all'] as const),
  };
}

function limits(json: Json): Limits {
  const value = object(json['limits'], 'limits');
  return {
    credit: atLeast(1, count(value, 'credit', 2 ** 24), 'credit'),
    streams: count(value, 'streams', 2 ** 20),
    message: atLeast(MESSAGE_BYTES, count(value, 'message', 2 ** 24), 'message'),
  };
}
