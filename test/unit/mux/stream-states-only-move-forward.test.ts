// The states of a stream: every move from every state, and nothing comes after the end.

import assert from 'node:assert/strict';
import test from 'node:test';

import { moved, receives, STREAM_STATES, type StreamMove, type StreamState } from '../../../shared/mux/stream-state.ts';

const MOVES: readonly StreamMove[] = ['end-sent', 'end-received', 'reset'];

/** The naive twin: a state is what has happened. */
function naive(history: readonly StreamMove[]): StreamState | 'refused' {
  const seen = new Set<StreamMove>();
  for (const move of history) {
    const over = seen.has('reset') || (seen.has('end-sent') && seen.has('end-received'));
    if (over || seen.has(move)) return 'refused';
    seen.add(move);
  }
  if (seen.has('reset')) return 'reset';
  if (seen.size === 2) return 'ended';
  if (seen.has('end-sent')) return 'local-ended';
  return seen.has('end-received') ? 'remote-ended' : 'open';
}

test('all histories of up to four moves end where the naive model says', () => {
  const walk = (history: readonly StreamMove[], state: StreamState | undefined): void => {
    assert.equal(state ?? 'refused', naive(history), history.join(' '));
    if (history.length === 4 || state === undefined) return;
    for (const move of MOVES) walk([...history, move], moved(state, move));
  };
  walk([], 'open');
});

test('DATA may come until the peer has ended', () => {
  const receiving = STREAM_STATES.filter((state) => receives(state));
  assert.deepEqual(receiving, ['open', 'local-ended']);
});
