// Where the agent's own certificate comes from, when visitors' TLS ends here.

/** In PEM; the key is a secret, and never leaves the process. */
export interface Material {
  readonly cert: string;
  readonly key: string;
}

/** `onChanged` fires after `material` answers with the new one; connections made before keep theirs. */
export interface CertificateSource {
  /** What is to be shown now; undefined as long as there is none. */
  readonly material: Material | undefined;
  onChanged(listener: () => void): void;
  /** Stops timers; idempotent. */
  close(): void;
}
