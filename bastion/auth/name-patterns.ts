// Which names an identity's patterns cover: `demo` covers itself, `alice-*` everything that begins with `alice-`.

const PATTERN = /^(?:\*|[a-z0-9]+(?:-[a-z0-9]+)*-?\*?)$/;

/** True when some pattern covers the name; `*` counts only as the last character. */
export function covers(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
}

/** What is wrong with a pattern, or undefined. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > 49) return 'is longer than 49 characters';
  if (PATTERN.test(pattern) && !(pattern.endsWith('-') && !pattern.endsWith('*'))) return undefined;
  return 'is not a name pattern: small letters, digits and single hyphens, with * at most as the last character';
}
