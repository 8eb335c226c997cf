// The records that outlast a restart, one kind a shelf; times are Unix milliseconds, and none holds a secret in the clear.

/** Whose a name is. It stays when the name is given up: a name never goes to another owner by itself. */
export interface NameRecord {
  readonly name: string;
  /** Undefined once an administrator has freed it: the next to claim it has it. */
  readonly owner?: string;
  readonly since: number;
  readonly lastUsed: number;
  /** When it was given up, while it is: only the same owner can have it back. */
  readonly released?: number;
  /** How often an administrator took it away: what browsers keep of earlier owners is cleared. */
  readonly epoch: number;
}

/** A credential of the bastion's own making. The token itself is kept by whoever it was made for. */
export interface TokenRecord {
  readonly id: string;
  readonly owner: string;
  readonly names: readonly string[];
  readonly use: string;
  readonly created: number;
  readonly expires: number;
  /** Who made it: `command line`, or the id of the API token that asked for it. */
  readonly by: string;
}

/** A credential that holds no more, or with `owner:ACCOUNT` as id: every credential of that owner made before `at`. */
export interface RevocationRecord {
  readonly id: string;
  readonly at: number;
  /** After this the credential could not be used anyway. */
  readonly expires: number;
}

/** Who may visit a name, as its owner last decided; `policy` is for the visitors' part to read. */
export interface PolicyRecord {
  readonly name: string;
  /** Holds for this owner only. */
  readonly owner: string;
  readonly changed: number;
  readonly policy: Readonly<Record<string, unknown>>;
}

/** What lets one guest, or whoever holds a link, into a name: `hash` is SHA-256 of the link's secret, in hexadecimal. */
export interface ShareRecord {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly hash?: string;
  readonly created: number;
  readonly expires: number;
  readonly revoked?: number;
  readonly terms: Readonly<Record<string, unknown>>;
}

/** A one-time link that was used: `hash` is SHA-256 of its secret, in hexadecimal. */
export interface SpentLinkRecord {
  readonly hash: string;
  /** The address of the visitor. */
  readonly from: string;
  readonly expires: number;
}

/** How a kind of record is filed: by a key, in a group of which all are found quickly, and until when. */
export interface Filing<R> {
  key(record: R): string;
  group(record: R): string;
  /** Undefined: for ever. */
  expires(record: R): number | undefined;
}

/** Every shelf. A new one needs a line here, one in store.ts, and a migration in sqlite.ts. */
export const SHELVES = {
  names: filed<NameRecord>('name', ({ owner = '' }) => owner),
  tokens: filed<TokenRecord>('id', ({ owner }) => owner, expiring),
  revocations: filed<RevocationRecord>('id', () => '', expiring),
  policies: filed<PolicyRecord>('name', ({ owner }) => owner),
  shares: filed<ShareRecord>('id', ({ name }) => name, expiring),
  spentLinks: filed<SpentLinkRecord>('hash', () => '', expiring),
} as const;

export type ShelfName = keyof typeof SHELVES;

function filed<R>(key: keyof R, group: (record: R) => string, expires: Filing<R>['expires'] = () => undefined) {
  const filing: Filing<R> = { key: (record) => String(record[key]), group, expires };
  return filing;
}

function expiring({ expires }: { expires: number }): number {
  return expires;
}

/** Where the store of a state directory lies. */
export function storePath(stateDirectory: string): string {
  return `${stateDirectory}/bastion.db`;
}
