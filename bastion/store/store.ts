// The seam "what must outlast a restart": shelves of records that several processes of one host may share.

import type {
  NameRecord,
  PolicyRecord,
  RevocationRecord,
  ShareRecord,
  ShelfName,
  SpentLinkRecord,
  TokenRecord,
} from './records.ts';

/** Records of one kind; all calls are synchronous, and reading takes some microseconds. Throws PosternError `state-unusable`. */
export interface Shelf<R> {
  /** Expired records are found until they are swept: whoever asks looks at the time. */
  get(key: string): R | undefined;
  /** All records of a group (records.ts says which that is), ordered by key. */
  group(group: string): R[];
  /** All of them, ordered by key. */
  all(): R[];
  /** Enters a record, or replaces the one with its key. On disk when it returns, unless within `atomically`. */
  put(record: R): void;
  /** False if there was none. On disk when it returns, unless within `atomically`. */
  remove(key: string): boolean;
}

/** Contract (tested by test/contract/store): nothing that a call returned from is lost, whenever the process or host dies. */
export interface Store {
  readonly names: Shelf<NameRecord>;
  readonly tokens: Shelf<TokenRecord>;
  readonly revocations: Shelf<RevocationRecord>;
  readonly policies: Shelf<PolicyRecord>;
  readonly shares: Shelf<ShareRecord>;
  readonly spentLinks: Shelf<SpentLinkRecord>;
  /**
   * Everything that `work` does becomes lasting in one step when it returns, or nothing of it if it throws. No other process
   * changes anything meanwhile. `work` must be synchronous; calls within calls are one step.
   */
  atomically<T>(work: () => T): T;
  /** Calls back, never within another call, soon (250 ms) after anybody changed this shelf; returns what ends that. */
  watch(shelf: ShelfName, changed: () => void): () => void;
  /** Removes what expired before this time (Unix milliseconds). */
  sweep(before: number): void;
  /** Idempotent; nothing may be called afterwards. */
  close(): void;
}
