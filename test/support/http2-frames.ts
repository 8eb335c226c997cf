// A visitor who writes HTTP/2 frame by frame, so that it can say what no proper client would.

import { after } from 'node:test';
import type { TLSSocket } from 'node:tls';

import { HOST, type World } from './front-world.ts';

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const ACK = 1;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HEADER_BYTES = 9;

export type Pairs = readonly (readonly [name: string, value: string])[];

export const GET: Pairs = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', HOST],
  [':path', '/'],
];

export const POST: Pairs = [[':method', 'POST'], ...GET.slice(1)];

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(body.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, body]);
}

/** A field block of literals without indexing (RFC 7541 §6.2.2): nothing in it is checked. */
export function block(pairs: Pairs): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let left = bytes.length - 127;
  for (; left >= 128; left >>= 7) length.push((left & 127) | 128);
  return Buffer.concat([Buffer.from([...length, left]), bytes]);
}

export class RawHttp2 {
  readonly socket: TLSSocket;
  /** All that came, in order. */
  readonly frames: Frame[] = [];
  #bytes = Buffer.alloc(0);
  #looks = new Set<() => void>();

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#look());
  }

  write(...bytes: readonly Buffer[]): boolean {
    return this.socket.writable && this.socket.write(Buffer.concat(bytes));
  }

  /** Opens a stream. */
  headers(stream: number, pairs: Pairs = GET, flags = END_STREAM | END_HEADERS): boolean {
    return this.write(frame(FRAME.headers, flags, stream, block(pairs)));
  }

  /** The first frame that the condition holds for; undefined when the connection closes without one. */
  async find(condition: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const found = this.frames.find(condition);
      if (found !== undefined || this.socket.closed) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#looks.add(resolve);
      await promise;
    }
  }

  /** The code of the GOAWAY that ends the connection, or undefined when there was none. */
  async ended(): Promise<number | undefined> {
    while (!this.socket.closed) await this.find(() => this.socket.closed);
    const goAway = this.frames.findLast(({ type }) => type === FRAME.goAway);
    return goAway?.payload.readUInt32BE(4);
  }

  /** The code of the stream's RST_STREAM; undefined when the connection ends first. */
  async reset(stream: number): Promise<number | undefined> {
    const found = await this.find((one) => one.type === FRAME.reset && one.stream === stream);
    return found?.payload.readUInt32BE(0);
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < end) break;
      const [type, flags] = [this.#bytes.readUInt8(3), this.#bytes.readUInt8(4)];
      const stream = this.#bytes.readUInt32BE(5) & 0x7fffffff;
      this.frames.push({ type, flags, stream, payload: Buffer.from(this.#bytes.subarray(HEADER_BYTES, end)) });
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#look();
  }

  #look(): void {
    const looks = this.#looks;
    this.#looks = new Set();
    for (const look of looks) look();
  }
}

/** A connection that has said hello; destroyed with the test. */
export async function rawHttp2(world: Pick<World, 'socket'>): Promise<RawHttp2> {
  const socket = await world.socket(HOST, ['h2']);
  after(() => socket.destroy());
  const raw = new RawHttp2(socket);
  raw.write(Buffer.from(PREFACE, 'latin1'), frame(FRAME.settings, 0, 0));
  await raw.find(({ type, flags }) => type === FRAME.settings && flags === 0);
  raw.write(frame(FRAME.settings, ACK, 0));
  return raw;
}
