// What is wrong with an address of a bastion, or with a name; for the table of options.

/** Of all of them together, or undefined. */
export function bastionsProblem(values: readonly string[]): string | undefined {
  return values.map(bastionProblem).find((problem) => problem !== undefined);
}

function bastionProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || url.protocol !== 'https:') return `"${value}" is not https://HOST[:PORT]`;
  // Not repeated in the message: it might hold a password.
  if (url.username !== '' || url.password !== '') return 'must not hold credentials; see --token-file';
  const plain = url.pathname === '/' && url.search === '' && url.hash === '';
  return plain ? undefined : `"${value}" has something after the host and port`;
}

export function nameProblem(value: string): string | undefined {
  return value.length <= 49 && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(value)
    ? undefined
    : `"${value}" is not 1 to 49 lower-case letters, digits and single hyphens`;
}
