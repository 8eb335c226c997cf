// Reads the credential out of an Authorization header, for agents that register and scripts that visit.

/** Longest credential that is looked at, in characters; a token of ours has a few hundred. */
const MAX_CREDENTIAL = 4096;

/** The credential of `Authorization: Bearer ...`; undefined for any other scheme, or one that is empty or absurdly long. */
export function bearerCredential(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > MAX_CREDENTIAL + 16) return undefined;
  // Anchored on both sides: what is accepted is exactly what was meant.
  return /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization)?.[1];
}
