// The PROXY protocol's header, versions 1 and 2, with which a load balancer says who is behind a TCP connection.
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt

import { isIPv4, isIPv6 } from 'node:net';

import { PosternError } from '../../shared/errors.ts';
import { normalAddress } from './visitor-address.ts';

export interface ProxyHeader {
  /** Bytes that it takes; what follows is the connection itself. */
  readonly length: number;
  /** The visitor's IP address; undefined when the balancer speaks for itself (a health check), or of something else than TCP. */
  readonly source: string | undefined;
}

const SIGNATURE_1 = 'PROXY ';
/** The longest line that version 1 can have, with its line end. */
const LONGEST_1 = 107;
const SIGNATURE_2 = '\r\n\r\n\0\r\nQUIT\n';
const HEAD_2 = 16;
/** Addresses and the additions that balancers make to them; a site that sends certificates in there has to stop. */
const LONGEST_2 = 4096;

const PORT = '(?:0|[1-9][0-9]{0,4})';
const LINE = new RegExp(`^PROXY (TCP4|TCP6) ([0-9a-fA-F:.]{2,45}) ([0-9a-fA-F:.]{2,45}) (${PORT}) (${PORT})$`);

/** Reads the header that the bytes begin with; throws PosternError `proxy-header-invalid` as soon as they can't be one. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'more' {
  if (beginsLike(bytes, SIGNATURE_2)) return bytes.length < HEAD_2 ? 'more' : readBinary(bytes);
  if (beginsLike(bytes, SIGNATURE_1)) return readLine(bytes);
  throw invalid('it begins with something else');
}

/** As far as both go. */
function beginsLike(bytes: Buffer, signature: string): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.toString('latin1', 0, length) === signature.slice(0, length);
}

function readLine(bytes: Buffer): ProxyHeader | 'more' {
  const line = bytes.toString('latin1', 0, LONGEST_1);
  const end = line.indexOf('\r\n');
  if (end < 0 && line.length < LONGEST_1) return 'more';
  if (end < 0) throw invalid('a line that does not end');
  const text = line.slice(0, end);
  // Whatever else stands in such a line is to be ignored.
  const unknown = /^PROXY UNKNOWN(?: |$)/.test(text);
  return { length: end + 2, source: unknown ? undefined : sourceIn(text) };
}

function sourceIn(line: string): string {
  const [, family, source = '', destination = '', from = 0, to = 0] = LINE.exec(line) ?? [];
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6;
  if (![source, destination].every((address) => isAddress(address))) throw invalid('a line without addresses');
  if (Math.max(Number(from), Number(to)) > 65_535) throw invalid('a port that cannot be');
  return normalAddress(source) as string;
}

function readBinary(bytes: Buffer): ProxyHeader | 'more' {
  const [command, family] = [bytes[12] as number, bytes[13] as number];
  if (command >> 4 !== 2 || (command & 15) > 1) throw invalid('a version or command that nobody knows');
  const rest = bytes.readUInt16BE(14);
  if (rest > LONGEST_2) throw invalid('too long');
  const length = HEAD_2 + rest;
  const local = (command & 15) === 0;
  const size = local ? 0 : sizeOf(family);
  if (rest < size) throw invalid('too short for its addresses');
  if (bytes.length < length) return 'more';
  if (size === FOUR_BYTES) return { length, source: bytes.subarray(HEAD_2, HEAD_2 + 4).join('.') };
  if (size === SIX_BYTES) return { length, source: sixOf(bytes) };
  return { length, source: undefined };
}

const FOUR_BYTES = 12;
const SIX_BYTES = 36;

/** Bytes of both addresses and ports; 0 where there are none that mean anything here. */
function sizeOf(family: number): number {
  if (family === 0x11) return FOUR_BYTES;
  if (family === 0x21) return SIX_BYTES;
  // Unspecified, and unix sockets: the balancer knows no address.
  if (family === 0x00 || family === 0x31 || family === 0x32) return 0;
  throw invalid('a family that is not TCP');
}

function sixOf(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(HEAD_2 + 2 * index).toString(16));
  return normalAddress(groups.join(':')) as string;
}

function invalid(problem: string): PosternError {
  return new PosternError('proxy-header-invalid', problem);
}
