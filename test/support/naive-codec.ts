// The naive twin of the frame decoder: written from the tables of docs/protocol.md, a byte at a time, for clarity alone.

import type { ErrorCode } from '../../shared/errors.ts';

export interface NaiveFrame {
  /** 0: of a type that is to be ignored. */
  readonly type: number;
  readonly stream: number;
  readonly payload: readonly number[];
}

export interface NaiveReading {
  readonly frames: readonly NaiveFrame[];
  /** Why reading stopped: all was read, the last frame is not complete, or it breaks a rule. */
  readonly stopped: 'end' | 'incomplete' | ErrorCode;
}

/** type -> [shortest payload, longest payload, belongs to a stream] */
const TYPES: Readonly<Record<number, readonly [number, number, boolean]>> = {
  1: [7, 324, true],
  2: [1, 16_000, true],
  3: [0, 0, true],
  4: [4, 4, true],
  5: [4, 4, true],
  6: [8, 4096, false],
  7: [2, 16_000, false],
  8: [8, 8, false],
  9: [8, 8, false],
};

export function naiveRead(bytes: readonly number[]): NaiveReading {
  const frames: NaiveFrame[] = [];
  let rest = [...bytes];
  while (rest.length > 0) {
    if (rest.length < 8) return { frames, stopped: 'incomplete' };
    const type = rest[0]!;
    const length = rest[1]! * 65_536 + rest[2]! * 256 + rest[3]!;
    const stream = rest[4]! * 16_777_216 + rest[5]! * 65_536 + rest[6]! * 256 + rest[7]!;
    const broken = brokenRule(type, length, stream);
    if (broken !== undefined) return { frames, stopped: broken };
    if (rest.length < 8 + length) return { frames, stopped: 'incomplete' };
    frames.push({ type: type >= 0x40 ? 0 : type, stream, payload: rest.slice(8, 8 + length) });
    rest = rest.slice(8 + length);
  }
  return { frames, stopped: 'end' };
}

function brokenRule(type: number, length: number, stream: number): ErrorCode | undefined {
  if (type >= 0x40) return length > 16_000 ? 'frame-too-large' : undefined;
  const known = TYPES[type];
  if (known === undefined) return 'frame-unknown';
  const [shortest, longest, ofStream] = known;
  if (length > longest) return 'frame-too-large';
  if (length < shortest) return 'protocol-error';
  return stream > 0 === ofStream ? undefined : 'protocol-error';
}
