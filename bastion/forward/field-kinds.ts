// What is to be done with a header field, by its name: looked up once per spelling, because the same few come in every head. Pure.

export interface FieldRules<Special extends string> {
  /** Lower-case names that do not pass, under whatever spelling of their hyphens. */
  readonly dropped: readonly string[];
  /** Beginnings of lower-case names that do not pass, likewise. */
  readonly prefixes: readonly string[];
  /** Lower-case names that the caller treats on their own. */
  readonly special: readonly Special[];
}

/** Spellings come from outside: no more than this many are remembered. */
const MAX_SPELLINGS = 1000;
/** Longer names are not worth remembering. */
const MAX_REMEMBERED = 64;

/** A function from a name, in any case, to `passed`, `dropped` or the special name that it is. */
export function fieldKinds<Special extends string>(
  rules: FieldRules<Special>,
): (name: string) => Special | 'passed' | 'dropped' {
  const known = new Map<string, Special | 'passed' | 'dropped'>();
  const dropped = new Set(rules.dropped);
  const classify = (lower: string): Special | 'passed' | 'dropped' => {
    // CGI and what took its manner from it (WSGI, for one) make the same variable of `X_Forwarded_For` and `X-Forwarded-For`.
    const folded = lower.replaceAll('_', '-');
    if (dropped.has(folded) || rules.prefixes.some((prefix) => folded.startsWith(prefix))) return 'dropped';
    return rules.special.find((name) => name === lower) ?? 'passed';
  };
  return (name) => {
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const kind = classify(name.toLowerCase());
    if (known.size < MAX_SPELLINGS && name.length <= MAX_REMEMBERED) known.set(name, kind);
    return kind;
  };
}
