// The seam "which batch system": what the agent's job is, until when it may run, and where its address can be left.

/** Contract (tested by test/contract/job): nothing here rejects, and nothing takes longer than some seconds. */
export interface Job {
  /** As the wire and the pages have it: `slurm`, `htcondor`, `none`. */
  readonly scheduler: string;
  readonly id: string | undefined;
  /** The account that the job runs under. */
  readonly owner: string | undefined;
  readonly node: string;
  /** True when the batch system, having stopped this job, may start it again elsewhere. */
  readonly returns: boolean;
  /** Unix milliseconds at which the batch system ends the job, asked for anew; undefined where nothing says so. */
  deadline(): Promise<number | undefined>;
  /** Leaves the URL, which holds no secret, in the job's record; false when there is none, or it could not be written. */
  publish(url: string): Promise<boolean>;
}

/** What an implementation may look at; tests bring their own. */
export interface JobContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly user: string;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Text of a file and when it was written (Unix milliseconds); undefined when it can't be read. */
  readFile(path: string): { readonly text: string; readonly writtenAt: number } | undefined;
  /** Standard output of a program, or undefined when it isn't there, fails, or takes too long. */
  ask(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string | undefined>;
}

/** The job, or undefined when the environment is not that of this batch system. */
export type OpenJob = (context: JobContext) => Job | undefined;
