// The clock that certificates are judged by, and the timer that looks at them again; tests bring their own.

export interface CertificateClock {
  /** Unix milliseconds: certificates know wall-clock time only. */
  now(): number;
  /** Calls `work` every so many milliseconds until the returned function is called; does not keep the process alive. */
  every(milliseconds: number, work: () => void): () => void;
}

export const WALL_CLOCK: CertificateClock = {
  now: () => Date.now(),
  every(milliseconds, work) {
    const timer = setInterval(work, milliseconds);
    timer.unref();
    return () => clearInterval(timer);
  },
};
