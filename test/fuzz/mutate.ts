// Small changes to inputs, such as the mistakes and the malice of a peer: bits, numbers, pieces moved, repeated and mixed.

/** From 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;

export interface Material {
  /** Inputs to take pieces from; not empty. */
  readonly others: readonly Buffer[];
  /** Words that mean something in this language. */
  readonly dictionary: readonly Buffer[];
  readonly longest: number;
}

const BYTES = [0, 1, 2, 0x0a, 0x0d, 0x20, 0x3a, 0x7f, 0x80, 0xfe, 0xff];
const NUMBERS = [
  0, 1, 7, 8, 0xff, 0x100, 0x3e80, 0x3e81, 0xffff, 0x10000, 0xff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
const MOST_CHANGES = 6;
const LONGEST_PIECE = 64;

type Change = (bytes: Buffer, random: Random, material: Material) => Buffer;

const below = (random: Random, end: number): number => Math.floor(random() * end);
const oneOf = <T>(random: Random, choices: readonly T[]): T => choices[below(random, choices.length)] as T;

function piece(bytes: Buffer, random: Random): Buffer {
  const start = below(random, bytes.length + 1);
  return bytes.subarray(start, start + 1 + below(random, LONGEST_PIECE));
}

function placed(bytes: Buffer, at: number, added: Buffer, removed = 0): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}

/** On a copy, which is not empty. */
function inPlace(write: (bytes: Buffer, at: number, random: Random) => void): Change {
  return (bytes, random) => {
    const copy = bytes.length === 0 ? Buffer.alloc(1) : Buffer.from(bytes);
    write(copy, below(random, copy.length), random);
    return copy;
  };
}

const CHANGES: readonly Change[] = [
  inPlace((bytes, at, random) => (bytes[at] = (bytes[at] as number) ^ (1 << below(random, 8)))),
  inPlace((bytes, at, random) => (bytes[at] = oneOf(random, BYTES))),
  inPlace((bytes, at, random) => (bytes[at] = below(random, 256))),
  inPlace((bytes, at, random) => (bytes[at] = (bytes[at] as number) + (random() < 0.5 ? 1 : -1))),
  inPlace((bytes, at, random) => {
    const width = oneOf(random, [2, 3, 4]);
    if (at + width <= bytes.length) bytes.writeUIntBE(oneOf(random, NUMBERS) % 256 ** width, at, width);
  }),
  (bytes, random) => placed(bytes, below(random, bytes.length + 1), piece(bytes, random)),
  (bytes, random) => {
    const at = below(random, bytes.length + 1);
    return placed(bytes, at, Buffer.alloc(0), 1 + below(random, LONGEST_PIECE));
  },
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  (bytes, random, { others }) => placed(bytes, below(random, bytes.length + 1), piece(oneOf(random, others), random)),
  (bytes, random, { others }) => {
    const other = oneOf(random, others);
    return Buffer.concat([
      bytes.subarray(0, below(random, bytes.length + 1)),
      other.subarray(below(random, other.length + 1)),
    ]);
  },
  (bytes, random, { dictionary }) => {
    if (dictionary.length === 0) return bytes;
    const word = oneOf(random, dictionary);
    return placed(bytes, below(random, bytes.length + 1), word, random() < 0.5 ? word.length : 0);
  },
  (bytes, random) =>
    placed(bytes, below(random, bytes.length + 1), Buffer.alloc(1 + below(random, 300), oneOf(random, BYTES))),
];

/** One to some changes of an input. */
export function mutate(bytes: Buffer, random: Random, material: Material): Buffer {
  let changed = bytes;
  for (let left = 1 + below(random, MOST_CHANGES); left > 0; left -= 1)
    changed = oneOf(random, CHANGES)(changed, random, material);
  return changed.subarray(0, material.longest);
}
