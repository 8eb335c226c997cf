// The link over WebSockets keeps the contract of links; here over WebSockets that need no sockets.

import { PosternError } from '../../shared/errors.ts';
import { WebSocketLink } from '../../shared/link/websocket-link.ts';
import { fakeCarriers } from '../support/fake-carrier.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { linkContract } from './link.ts';

linkContract('WebSocket link', async () => {
  const clock = new FakeClock();
  let carriers = fakeCarriers();
  const options = { clock, graceMs: 60_000 };
  const near = new WebSocketLink(carriers.bastion.carrier, options);
  const far = new WebSocketLink(carriers.agent.carrier, options);
  const move = async (): Promise<void> => {
    for (const end of [carriers.bastion, carriers.agent]) {
      end.deliver(5);
      // A close frame comes after everything that was sent before it.
      const { closedWith } = end.peer;
      if (end.arriving.length === 0 && closedWith !== undefined) end.die(closedWith.code, closedWith.reason);
    }
    await clock.advance(5);
  };
  return {
    near,
    far,
    until: async (condition) => {
      for (let step = 0; !condition(); step++) {
        if (step > 2000) throw new Error(`still not: ${condition.toString()}`);
        await move();
      }
    },
    replace: async () => {
      for (const link of [near, far]) link.lose(new PosternError('link-dead'));
      carriers = fakeCarriers();
      const [ofNear, ofFar] = [near.received, far.received];
      near.resume(carriers.bastion.carrier, ofFar);
      far.resume(carriers.agent.carrier, ofNear);
    },
    close: async () => near.destroy(new PosternError('link-closed')),
  };
});
