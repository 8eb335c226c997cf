// The in-memory link keeps the contract of links, with and without a clock.

import { PosternError } from '../../shared/errors.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { linkPair } from '../support/link-pair.ts';
import { until } from '../support/session-pair.ts';
import { linkContract } from './link.ts';

linkContract('memory link', async () => {
  const pair = linkPair({ resumable: true });
  return {
    near: pair.bastion,
    far: pair.agent,
    until,
    replace: async () => {
      pair.cut();
      await settled();
      pair.reconnect();
    },
    close: async () => {
      pair.bastion.destroy(new PosternError('link-closed'));
      await settled();
    },
  };
});

linkContract('memory link with latency', async () => {
  const clock = new FakeClock();
  const { bastion, agent } = linkPair({ clock, latencyMs: 20, bandwidth: 1000 });
  return {
    near: bastion,
    far: agent,
    until: async (condition) => {
      for (let step = 0; !condition(); step++) {
        if (step > 5000) throw new Error(`still not: ${condition.toString()}`);
        await clock.advance(5);
      }
    },
    close: async () => bastion.destroy(new PosternError('link-closed')),
  };
});
