// What an owner's account may be called: something that is safe in logs, cookies and tokens.

/** What is wrong with an owner's name, or undefined. */
export function ownerProblem(owner: string): string | undefined {
  // `public` is what an unknown visitor is called in logs and pool keys.
  if (owner === 'public') return 'is reserved';
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(owner)) return undefined;
  return 'is not an account name: 1 to 64 letters, digits and . _ @ + -, beginning with a letter or digit';
}
