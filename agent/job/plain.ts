// No batch system, or one that we don't know: a node and a user, and no record to leave an address in.

import type { Job, JobContext } from './job.ts';

export function openPlain({ hostname, user }: JobContext): Job {
  return {
    scheduler: 'none',
    id: undefined,
    owner: user,
    node: hostname,
    returns: false,
    deadline: () => Promise.resolve(undefined),
    publish: () => Promise.resolve(false),
  };
}
