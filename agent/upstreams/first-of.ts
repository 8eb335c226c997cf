// Several places where one upstream may be: a program that listens on "localhost" takes 127.0.0.1, ::1, or both.

import { PosternError } from '../../shared/errors.ts';
import type { Upstream } from './upstream.ts';

/** Dials each in turn for as long as nobody listens there. */
export function firstOf(label: string, upstreams: readonly Upstream[]): Upstream {
  return {
    label,
    dial: async (signal) => {
      let refused = new PosternError('upstream-refused');
      for (const upstream of upstreams) {
        try {
          return await upstream.dial(signal);
        } catch (error) {
          if (!(error instanceof PosternError) || error.code !== 'upstream-refused') throw error;
          refused = error;
        }
      }
      throw refused;
    },
  };
}
