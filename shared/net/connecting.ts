// What all outgoing connections have in common: patience with one address of several, and the words for what went wrong.

/**
 * How long one address of a name may take before the next one is tried beside it (Node's own 250 ms give up on a path
 * with a long round trip, or after one lost SYN, which is sent again after a second).
 */
export const FAMILY_ATTEMPT_MS = 1_500;

/** OpenSSL's verification errors, by Node's names, that mean "not trusted" rather than "not there". */
const UNTRUSTED = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/;

/** True when a TLS handshake failed by the certificate of the other end. */
export function isUntrusted(error: NodeJS.ErrnoException): boolean {
  return UNTRUSTED.test(error.code ?? '') || /^(permitted|excluded) subtree violation/.test(error.message);
}

/** What a failed connection says; where several addresses were tried, what each of them said. */
export function connectionProblem(error: NodeJS.ErrnoException): string {
  if (error instanceof AggregateError) return error.errors.map((each: Error) => each.message).join('; ');
  return error.message === '' ? (error.code ?? 'failed') : error.message;
}
