// What the agent's exit code says, where it isn't the command's own.

export const EXIT = {
  ok: 0,
  /** The bastion refused the registration for good. */
  refused: 3,
  /** The command didn't answer within the patience. */
  silent: 4,
  /** `attach` only: a newer agent took the name over. */
  replaced: 5,
} as const;
