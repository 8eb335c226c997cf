// How property tests run here: always with the same seed, which fast-check prints with the counterexample.

import fc from 'fast-check';

const SEED = 20_261_122;

/** Checks the property `runs` times. POSTERN_FUZZ=10 makes that ten times as often, from another seed each time. */
export async function holds<T>(runs: number, property: fc.IAsyncProperty<T> | fc.IProperty<T>): Promise<void> {
  const factor = Number(process.env['POSTERN_FUZZ'] ?? 0);
  const seed = factor > 0 ? Date.now() % 2 ** 31 : SEED;
  await fc.assert(property, { seed, numRuns: runs * Math.max(1, factor), endOnFailure: factor > 0 });
}

/** A random number generator for models that draw while they run: from 0 (inclusive) to 1 (exclusive), by its seed alone. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // Mulberry32: short, and good enough to choose between moves.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
