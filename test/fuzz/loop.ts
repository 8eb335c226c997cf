// The loop: an input that reaches new code is kept and changed further, one that breaks a promise is a finding.

import type { Coverage } from './instrument.ts';
import { mutate, type Random } from './mutate.ts';
import type { Target } from './target.ts';

export interface Finding {
  readonly input: Buffer;
  readonly error: unknown;
}

export interface Outcome {
  readonly runs: number;
  /** The seeds, and what reached something new. */
  readonly kept: readonly Buffer[];
  readonly findings: readonly Finding[];
}

export interface FuzzOptions {
  readonly coverage: Coverage;
  readonly seeds: readonly Buffer[];
  readonly random: Random;
  /** Asked again and again. */
  readonly enough: (runs: number) => boolean;
}

/** So many different findings end it: they tend to have one cause. */
const MOST_FINDINGS = 5;
/** An input of a few kilobytes that takes longer, in milliseconds, is a way to keep a bastion busy. */
const SLOW_MS = 1_000;
/** The last of what was kept is where the frontier is. */
const FRONTIER = 0.25;

export async function fuzz(target: Target, { coverage, seeds, random, enough }: FuzzOptions): Promise<Outcome> {
  const kept: Buffer[] = [];
  const findings = new Map<string, Finding>();
  let runs = 0;
  const attempt = async (input: Buffer): Promise<boolean> => {
    runs += 1;
    const error = await run(target, input);
    if (error === undefined) return coverage.takeNews();
    coverage.takeReached();
    const where = error instanceof Error ? error.message : 'something that is no error was thrown';
    if (!findings.has(where)) findings.set(where, { input: Buffer.from(input), error });
    return false;
  };
  for (const seed of seeds.length > 0 ? seeds : [Buffer.alloc(0)]) {
    await attempt(seed);
    kept.push(seed);
  }
  while (findings.size < MOST_FINDINGS && !enough(runs)) {
    const frontier = random() < 0.5 ? Math.ceil(kept.length * FRONTIER) : kept.length;
    const parent = kept[kept.length - 1 - Math.floor(random() * frontier)] as Buffer;
    const input = mutate(parent, random, { others: kept, dictionary: target.dictionary, longest: target.longest });
    if (await attempt(input)) kept.push(Buffer.from(input));
  }
  return { runs, kept, findings: [...findings.values()] };
}

/** Undefined: it kept its promises. */
export async function run(target: Target, input: Buffer): Promise<unknown> {
  const since = performance.now();
  try {
    // An input may be kept, and a target may write into what it is given.
    const pending = target.run(Buffer.from(input));
    if (pending !== undefined) await pending;
  } catch (error) {
    return error ?? new Error('something that is nothing was thrown');
  }
  const ms = performance.now() - since;
  return ms > SLOW_MS ? new Error(`slow: ${Math.round(ms / 1000)} s for ${input.length} bytes`) : undefined;
}

/** The fewest inputs, short ones first, that together reach every block that all of them reach. */
export async function smallest(target: Target, inputs: readonly Buffer[], coverage: Coverage): Promise<Buffer[]> {
  const chosen: Buffer[] = [];
  const known = new Set<number>();
  coverage.takeReached();
  for (const input of inputs.toSorted((a, b) => a.length - b.length)) {
    await run(target, input);
    const fresh = coverage.takeReached().filter((block) => !known.has(block));
    if (fresh.length === 0) continue;
    for (const block of fresh) known.add(block);
    chosen.push(input);
  }
  return chosen;
}
