// Whether everything waits for somebody: seen by a count that stands still.

/** Resolves once the count has not grown for a while: everything is waiting for somebody. */
export async function standstill(count: () => number): Promise<number> {
  let last = -1;
  while (count() !== last) {
    last = count();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return last;
}
