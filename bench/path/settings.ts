// What a path is like: round trip, bandwidth, and the queue in front of the bottleneck.

export interface PathSetting {
  readonly roundTripMs: number;
  /** Mbit/s in each direction; Infinity: not shaped. */
  readonly bandwidth: number;
  /** Milliseconds of the bandwidth that the bottleneck's queue holds before it drops. */
  readonly queueMs: number;
}

/** A tenth of a second is what home routers and cloud shapers tend to have; five milliseconds a shallow switch. */
export const QUEUE_MS = { large: 100, small: 5 } as const;
/** A token bucket needs room for what arrives at once; a longest segment in any case. */
const LEAST_BURST = 64 * 1024;
const BURST_MS = 1;
const LEAST_QUEUE = 32 * 1024;

/** `rtt50-400m`, `rtt0-any`. */
export function nameOf({ roundTripMs, bandwidth }: PathSetting): string {
  return `rtt${roundTripMs}-${Number.isFinite(bandwidth) ? `${bandwidth}m` : 'any'}`;
}

/** `50 ms, 400 Mbit/s`. */
export function labelOf({ roundTripMs, bandwidth }: PathSetting): string {
  return `${roundTripMs} ms, ${Number.isFinite(bandwidth) ? `${bandwidth} Mbit/s` : 'not shaped'}`;
}

/** The words after `tc qdisc replace dev X root` for the token bucket; none when nothing is shaped. */
export function bucketOf({ bandwidth, queueMs }: PathSetting): readonly string[] {
  if (!Number.isFinite(bandwidth)) return [];
  const bytesPerMs = bandwidth * 125;
  const burst = Math.round(Math.max(LEAST_BURST, bytesPerMs * BURST_MS));
  const queue = Math.round(Math.max(LEAST_QUEUE, bytesPerMs * queueMs));
  // The limit counts the bytes that wait; what the bucket holds leaves without waiting.
  return ['tbf', 'rate', `${bandwidth}mbit`, 'burst', `${burst}`, 'limit', `${queue}`];
}
