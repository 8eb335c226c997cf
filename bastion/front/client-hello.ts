// Reads the ClientHello that a visitor's TLS connection begins with, for the server name in it, and changes nothing. Pure.

/** Longest hello that is read, with the 4 bytes of its handshake header. */
export const MAX_HELLO_BYTES = 16 * 1024;
/** Most bytes that are held for a hello that is not whole: with each TLS record comes a header. */
export const MAX_BEGINNING_BYTES = 32 * 1024;

export interface ClientHello {
  /** As it was sent, undefined without the extension. Whoever uses it has to check that it is a host name. */
  readonly serverName: string | undefined;
}

/**
 * `more`: it is not whole yet. `too-large`: it is longer than what is read here. `unreadable`: these bytes begin no
 * TLS connection, or one that may be read in more than one way.
 */
export type HelloReading = ClientHello | 'more' | 'too-large' | 'unreadable';

const HANDSHAKE_RECORD = 22;
const RECORD_HEADER_BYTES = 5;
/** RFC 8446, section 5.1: 2^14 bytes of plaintext. */
const MAX_RECORD_BYTES = 16_384;
const CLIENT_HELLO = 1;
const HANDSHAKE_HEADER_BYTES = 4;
const VERSION_AND_RANDOM_BYTES = 2 + 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** `bytes`: everything that has come on the connection, in however many pieces and TLS records (RFC 8446, sections 4.1.2 and 5.1). */
export function readClientHello(bytes: Buffer): HelloReading {
  const fragments: Buffer[] = [];
  let wanted = HANDSHAKE_HEADER_BYTES;
  let have = 0;
  for (let at = 0; have < wanted;) {
    const record = recordAt(bytes, at);
    if (typeof record === 'string')
      return record === 'more' && bytes.length >= MAX_BEGINNING_BYTES ? 'too-large' : record;
    at += RECORD_HEADER_BYTES + record.length;
    fragments.push(record);
    have += record.length;
    if (wanted > HANDSHAKE_HEADER_BYTES || have < HANDSHAKE_HEADER_BYTES) continue;
    const header = Buffer.concat(fragments);
    if (header[0] !== CLIENT_HELLO) return 'unreadable';
    wanted = HANDSHAKE_HEADER_BYTES + header.readUIntBE(1, 3);
    if (wanted > MAX_HELLO_BYTES) return 'too-large';
  }
  return readBody(Buffer.concat(fragments).subarray(HANDSHAKE_HEADER_BYTES, wanted));
}

/** What the record at this place holds. */
function recordAt(bytes: Buffer, at: number): Buffer | 'more' | 'unreadable' {
  // Told as early as possible: who speaks something else may be waiting for an answer.
  if (at < bytes.length && bytes[at] !== HANDSHAKE_RECORD) return 'unreadable';
  if (at + 1 < bytes.length && bytes[at + 1] !== 3) return 'unreadable';
  if (at + RECORD_HEADER_BYTES > bytes.length) return 'more';
  const length = bytes.readUInt16BE(at + 3);
  if (length === 0 || length > MAX_RECORD_BYTES) return 'unreadable';
  const end = at + RECORD_HEADER_BYTES + length;
  return end > bytes.length ? 'more' : bytes.subarray(at + RECORD_HEADER_BYTES, end);
}

function readBody(body: Buffer): ClientHello | 'unreadable' {
  const fields = new Fields(body);
  fields.skip(VERSION_AND_RANDOM_BYTES);
  fields.vector(1);
  fields.vector(2);
  fields.vector(1);
  // A hello without extensions ends here.
  if (fields.whole && fields.left === 0) return { serverName: undefined };
  const extensions = new Fields(fields.vector(2));
  if (!fields.whole || fields.left > 0) return 'unreadable';
  return readExtensions(extensions);
}

function readExtensions(extensions: Fields): ClientHello | 'unreadable' {
  let found: Buffer | undefined;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const value = extensions.vector(2);
    if (!extensions.whole) return 'unreadable';
    if (type !== SERVER_NAME) continue;
    // Which of two counts would be anybody's guess.
    if (found !== undefined) return 'unreadable';
    found = value;
  }
  if (found === undefined) return { serverName: undefined };
  const serverName = hostName(found);
  return serverName === undefined ? 'unreadable' : { serverName };
}

/** RFC 6066, section 3. */
function hostName(extension: Buffer): string | undefined {
  const fields = new Fields(extension);
  const names = new Fields(fields.vector(2));
  if (!fields.whole || fields.left > 0) return undefined;
  let host: string | undefined;
  while (names.left > 0) {
    const type = names.number(1);
    const name = names.vector(2);
    if (!names.whole || type !== HOST_NAME || name.length === 0 || host !== undefined) return undefined;
    host = name.toString('latin1');
  }
  return host;
}

/** The fields of a structure one after the other; reading past its end gives nothing, and clears `whole`. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;
  whole = true;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(count: number): void {
    this.#take(count);
  }

  number(bytes: 1 | 2): number {
    const taken = this.#take(bytes);
    return taken.length < bytes ? 0 : taken.readUIntBE(0, bytes);
  }

  /** What follows a length of so many bytes. */
  vector(lengthBytes: 1 | 2): Buffer {
    return this.#take(this.number(lengthBytes));
  }

  #take(count: number): Buffer {
    if (count > this.left) this.whole = false;
    const taken = this.whole ? this.#bytes.subarray(this.#at, this.#at + count) : Buffer.alloc(0);
    this.#at = this.whole ? this.#at + count : this.#bytes.length;
    return taken;
  }
}
