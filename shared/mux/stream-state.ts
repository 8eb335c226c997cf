// The states of a stream, as both ends count them, and the only moves there are.

export const STREAM_STATES = ['open', 'local-ended', 'remote-ended', 'ended', 'reset'] as const;
export type StreamState = (typeof STREAM_STATES)[number];

/** end-sent, end-received: an END frame in that direction. reset: a RESET in either. */
export type StreamMove = 'end-sent' | 'end-received' | 'reset';

const MOVES: Readonly<Record<StreamState, Partial<Record<StreamMove, StreamState>>>> = {
  open: { 'end-sent': 'local-ended', 'end-received': 'remote-ended', reset: 'reset' },
  'local-ended': { 'end-received': 'ended', reset: 'reset' },
  'remote-ended': { 'end-sent': 'ended', reset: 'reset' },
  ended: {},
  reset: {},
};

/** The state after a move, or undefined when that move is not allowed from here. */
export function moved(from: StreamState, move: StreamMove): StreamState | undefined {
  return MOVES[from][move];
}

/** True while the peer may still send DATA. */
export function receives(state: StreamState): boolean {
  return state === 'open' || state === 'local-ended';
}
