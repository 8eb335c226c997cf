// ClientHellos made for tests, and a naive reader of them: the oracle for the one in bastion/front.

import type { HelloReading } from '../../bastion/front/client-hello.ts';

export interface HelloParts {
  readonly extensions?: readonly (readonly [type: number, value: Buffer])[];
  readonly sessionId?: Buffer;
  readonly ciphers?: Buffer;
}

/** The handshake message. */
export function helloMessage({ extensions, sessionId, ciphers }: HelloParts): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    vector(1, sessionId ?? Buffer.alloc(32, 9)),
    vector(2, ciphers ?? Buffer.from([0x13, 0x01, 0x13, 0x02])),
    vector(1, Buffer.from([0])),
    ...(extensions === undefined
      ? []
      : [
          vector(
            2,
            Buffer.concat(extensions.map(([type, value]) => Buffer.concat([number(2, type), vector(2, value)]))),
          ),
        ]),
  ]);
  return Buffer.concat([Buffer.from([1]), vector(3, body)]);
}

/** The value of the extension server_name. */
export function serverNames(...names: readonly string[]): Buffer {
  return vector(
    2,
    Buffer.concat(names.map((name) => Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, 'latin1'))]))),
  );
}

export function hello(serverName: string | undefined, padding = 0): Buffer {
  const name = serverName === undefined ? [] : [[0, serverNames(serverName)] as const];
  return helloMessage({ extensions: [[0x0a0a, Buffer.alloc(0)], ...name, [21, Buffer.alloc(padding)]] });
}

/** A message in TLS records, each with so many bytes; the last length goes on. */
export function inRecords(message: Buffer, lengths: readonly number[] = [16_384]): Buffer {
  const records: Buffer[] = [];
  for (let at = 0, index = 0; at < message.length; index++) {
    const length = lengths[Math.min(index, lengths.length - 1)] ?? 16_384;
    records.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + length)));
    at += length;
  }
  return Buffer.concat(records);
}

function number(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function vector(lengthBytes: number, value: Buffer): Buffer {
  return Buffer.concat([number(lengthBytes, value.length), value]);
}

/** Reads byte by byte, without looking ahead, and gives up by exception; slow and plain. */
export function naiveClientHello(bytes: Buffer): HelloReading {
  const input = [...bytes];
  const message: number[] = [];
  try {
    for (;;) {
      const size = message.length < 4 ? Infinity : 4 + big(message.slice(1, 4));
      if (message.length >= 4 && message[0] !== 1) return 'unreadable';
      if (message.length >= 4 && size > 16_384) return 'too-large';
      if (message.length >= size) return naiveBody(message.slice(4, size));
      message.push(...naiveRecord(input));
    }
  } catch (error) {
    if ((error as Error).message === 'unreadable') return 'unreadable';
    return bytes.length >= 32_768 ? 'too-large' : 'more';
  }
}

function naiveRecord(input: number[]): number[] {
  const next = (): number => {
    if (input.length === 0) throw new Error('more');
    return input.shift() as number;
  };
  for (const expected of [22, 3]) if (next() !== expected) throw new Error('unreadable');
  next();
  const length = next() * 256 + next();
  if (length === 0 || length > 16_384) throw new Error('unreadable');
  return Array.from({ length }, next);
}

function big(numbers: readonly number[]): number {
  return numbers.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** Cuts pieces off the front of a list of bytes; throws when there are too few. */
function cutter(bytes: readonly number[]): { take(count: number): readonly number[]; left(): number } {
  let rest = bytes;
  return {
    take: (count) => {
      if (count > rest.length) throw new Error('short');
      const taken = rest.slice(0, count);
      rest = rest.slice(count);
      return taken;
    },
    left: () => rest.length,
  };
}

function naiveBody(body: readonly number[]): HelloReading {
  try {
    const { take, left } = cutter(body);
    take(34);
    for (const lengthBytes of [1, 2, 1]) take(big(take(lengthBytes)));
    if (left() === 0) return { serverName: undefined };
    const length = big(take(2));
    if (length !== left()) return 'unreadable';
    const found: (readonly number[])[] = [];
    while (left() > 0) {
      const type = big(take(2));
      const value = take(big(take(2)));
      if (type === 0) found.push(value);
    }
    if (found.length > 1) return 'unreadable';
    return { serverName: found[0] === undefined ? undefined : naiveName(found[0]) };
  } catch {
    return 'unreadable';
  }
}

function naiveName(extension: readonly number[]): string {
  const { take, left } = cutter(extension);
  const length = big(take(2));
  if (length !== left() || big(take(1)) !== 0) throw new Error('unreadable');
  const host = take(big(take(2)));
  if (host.length === 0 || left() > 0) throw new Error('unreadable');
  return String.fromCharCode(...host);
}
