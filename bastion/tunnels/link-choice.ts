// Which of a tunnel's links carries the next stream: one that takes it at once, and without bulk to wait behind.

import { BULK_BYTES } from '../../shared/mux/shared-path.ts';

/** What the choice looks at. */
export interface LinkView {
  /** Either end said GOAWAY: it takes no new streams. */
  readonly leaving: boolean;
  /** As many streams are open on it as its agent allows. */
  readonly full: boolean;
  /** Its WebSocket is lost: a stream would wait for the resumption. */
  readonly paused: boolean;
  /** For how long the oldest message sent over it has not been acknowledged, in milliseconds; 0: there is none. */
  readonly unansweredMs: number;
  readonly roundTripMs: number;
  /** Bytes that moved over it just now, both ways. */
  readonly recentBytes: number;
  readonly streams: number;
}

/** A link whose acknowledgements are this late may be dead, long before anybody can be sure. */
const SILENT_MS = 1_000;
const SILENT_ROUND_TRIPS = 4;

const RANK = { quiet: 0, bulk: 1, silent: 2, paused: 3, full: 4, leaving: 5 } as const;

function rank(link: LinkView): number {
  if (link.leaving) return RANK.leaving;
  if (link.full) return RANK.full;
  if (link.paused) return RANK.paused;
  if (link.unansweredMs > Math.max(SILENT_MS, SILENT_ROUND_TRIPS * link.roundTripMs)) return RANK.silent;
  return link.recentBytes > BULK_BYTES ? RANK.bulk : RANK.quiet;
}

function better(one: LinkView, other: LinkView): boolean {
  const [rankOfOne, rankOfOther] = [rank(one), rank(other)];
  if (rankOfOne !== rankOfOther) return rankOfOne < rankOfOther;
  if (rankOfOne === RANK.bulk && one.recentBytes !== other.recentBytes) return one.recentBytes < other.recentBytes;
  return one.streams < other.streams;
}

/** The link for a new stream, the first of several equal ones; undefined only when there is none. */
export function chooseLink<Link extends LinkView>(links: readonly Link[]): Link | undefined {
  let best = links[0];
  for (const link of links) if (best !== undefined && better(link, best)) best = link;
  return best;
}

/** True unless another link is of a better kind: then a stream that has nothing under way is better opened anew. */
export function maySettle(link: LinkView, links: readonly LinkView[]): boolean {
  const own = rank(link);
  return own === RANK.quiet || links.every((other) => rank(other) >= own);
}
