// Reads the head of an upstream's response, or a trailer section, from its complete text: strict and pure.

import { PosternError } from '../../shared/errors.ts';

/** How the end of a response's body is found; `none` is no body at all. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface ResponseHead {
  readonly status: number;
  readonly message: string;
  /** Names and values in turn, as the notebook sent them: order, case and duplicates kept. */
  readonly rawHeaders: string[];
  /** Body framing as the header fields alone say it; the request's method can still make it `none`. */
  readonly framing: Framing;
  /** Bytes of body when the framing is `length`. */
  readonly length: number;
  /** The upstream means to keep its connection open afterwards. */
  readonly keepAlive: boolean;
  /** Milliseconds that the upstream keeps an idle connection, when it announced them. */
  readonly keepAliveMs: number | undefined;
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_A_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const LENGTH = /^[0-9]{1,15}$/;

/** An answer that is not valid HTTP; `problem` says what is wrong with it. */
export function invalidResponse(problem: string): PosternError {
  return new PosternError('upstream-response-invalid', problem);
}

/** What the framing fields of one head add up to while its lines are read. */
interface Fields {
  length: number;
  coded: boolean;
  close: boolean;
  keepAlive: boolean;
  keepAliveMs: number | undefined;
}

/** `text` is a whole head, latin1, up to and including the CRLF of its last field line. */
export function readHead(text: string): ResponseHead {
  const end = text.indexOf('\r\n');
  const line = STATUS_LINE.exec(text.slice(0, end));
  if (line === null) throw invalidResponse('a status line that cannot be read');
  const status = Number(line[2]);
  const fields: Fields = { length: -1, coded: false, close: false, keepAlive: false, keepAliveMs: undefined };
  const rawHeaders = readFields(text, end + 2, fields);
  const modern = line[1] === '1';
  if (fields.coded && fields.length >= 0) throw invalidResponse('Content-Length beside Transfer-Encoding');
  if (fields.coded && !modern) throw invalidResponse('Transfer-Encoding in HTTP/1.0');
  const framing = framingOf(status, fields);
  return {
    status,
    message: line[3] ?? '',
    rawHeaders,
    framing,
    length: framing === 'length' ? fields.length : 0,
    keepAlive: framing !== 'close' && !fields.close && (modern || fields.keepAlive),
    keepAliveMs: fields.keepAliveMs,
  };
}

/** The field lines of a trailer section, each with its CRLF. */
export function readTrailers(text: string): string[] {
  return readFields(text, 0, undefined);
}

function framingOf(status: number, fields: Fields): Framing {
  if (status < 200 || status === 204 || status === 304) return 'none';
  if (fields.coded) return 'chunked';
  return fields.length >= 0 ? 'length' : 'close';
}

function readFields(text: string, from: number, fields: Fields | undefined): string[] {
  const raw: string[] = [];
  let position = from;
  while (position < text.length) {
    const end = text.indexOf('\r\n', position);
    const colon = text.indexOf(':', position);
    if (colon < 0 || colon > end) throw badLine(text, position);
    const name = text.slice(position, colon);
    if (!NAME.test(name)) throw badLine(text, position);
    const value = trimmed(text, colon + 1, end);
    if (NOT_A_VALUE.test(value)) throw invalidResponse(`a control character or bare line end in ${name}`);
    raw.push(name, value);
    if (fields !== undefined) noteField(name, value, fields);
    position = end + 2;
  }
  return raw;
}

function badLine(text: string, position: number): PosternError {
  const first = text.charCodeAt(position);
  if (first === 32 || first === 9) return invalidResponse('a folded header line');
  return invalidResponse('a header line that has no valid name');
}

/** The value without the optional blanks (space and tab, nothing else) around it. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Only names of these three lengths matter here: most fields cost one comparison of numbers. */
function noteField(name: string, value: string, fields: Fields): void {
  if (name.length === 14) {
    if (name.toLowerCase() === 'content-length') noteLength(value, fields);
  } else if (name.length === 17) {
    if (name.toLowerCase() === 'transfer-encoding') noteCoding(value, fields);
  } else if (name.length === 10) {
    const lower = name.toLowerCase();
    if (lower === 'connection') noteConnection(value, fields);
    else if (lower === 'keep-alive') noteKeepAlive(value, fields);
  }
}

function noteLength(value: string, fields: Fields): void {
  if (!LENGTH.test(value)) throw invalidResponse('a Content-Length that is not one number');
  const length = Number(value);
  if (fields.length >= 0 && fields.length !== length) throw invalidResponse('two unequal Content-Lengths');
  fields.length = length;
}

function noteCoding(value: string, fields: Fields): void {
  if (fields.coded || value.toLowerCase() !== 'chunked')
    throw invalidResponse('a Transfer-Encoding other than one "chunked"');
  fields.coded = true;
}

function noteConnection(value: string, fields: Fields): void {
  for (const option of value.toLowerCase().split(',')) {
    const word = option.trim();
    if (word === 'close') fields.close = true;
    else if (word === 'keep-alive') fields.keepAlive = true;
  }
}

function noteKeepAlive(value: string, fields: Fields): void {
  const seconds = /(?:^|[\s,;])timeout\s*=\s*"?([0-9]{1,7})/i.exec(value)?.[1];
  if (seconds !== undefined) fields.keepAliveMs = Number(seconds) * 1000;
}
