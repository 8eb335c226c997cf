// The seam "what must be accounted for": who did, got or was refused what. Nothing in an event is a secret.

/** One thing that happened; docs/operations.md ("Audit log") says what each field means. A new kind is a new line here. */
export type AuditEvent =
  | { readonly event: 'bastion-started' | 'bastion-stopped'; readonly domain: string; readonly release: string }
  /** An agent's link: `code` says why it was refused. */
  | ({ readonly event: 'agent-registered' | 'agent-refused' } & Partial<Credentialed> & {
        readonly names?: readonly string[];
        readonly instance?: string;
        readonly access?: string;
        readonly code?: string;
        readonly detail?: string | undefined;
        readonly repeats?: number;
      } & Addressed)
  /** An agent went on with a fresh credential. */
  | ({ readonly event: 'credential-renewed'; readonly names: readonly string[] } & Credentialed)
  /** A name became somebody's, or nobody's: by whom. */
  | ({
      readonly event: NameEvent;
      readonly name: string;
      readonly owner: string | undefined;
      readonly by: string;
    } & Partial<Addressed>)
  | ({
      readonly event: 'token-made';
      readonly names: readonly string[];
      readonly use: string;
      readonly expires: string;
    } & Credentialed &
      By)
  | ({ readonly event: 'token-revoked'; readonly credentialId: string } & By)
  | ({ readonly event: 'owner-revoked'; readonly owner: string } & By)
  /** A visitor reached a name, was refused, or had to leave; said again only after a while. */
  | ({ readonly event: 'visit' | 'visit-refused' | 'visit-ended' } & Visited & Addressed)
  /** A one-time link opened a name, or did not. */
  | ({
      readonly event: 'link-used' | 'link-refused';
      readonly name: string;
      readonly owner: string;
      readonly code?: string;
    } & Addressed);

type NameEvent = 'name-claimed' | 'name-reserved' | 'name-released' | 'name-given' | 'name-freed';

interface Credentialed {
  readonly owner: string;
  readonly credentialId: string;
}

interface Addressed {
  /** The IP address it came from. */
  readonly address: string;
}

interface By {
  /** Who asked for it: `command line` with the account of the system, or the id of a token. */
  readonly by: string;
}

interface Visited {
  readonly name: string;
  readonly owner: string;
  /** Whom the visitor proved to be. */
  readonly visitor?: string;
  readonly credentialId?: string;
  readonly upgrade: boolean;
  readonly code?: string;
  /** The same in the meantime, not told one by one. */
  readonly repeats?: number;
}

/** Contract: `record` never throws, and what it was given is with the operating system when it returns. */
export interface Audit {
  record(event: AuditEvent): void;
}

export const NO_AUDIT: Audit = { record: () => {} };
