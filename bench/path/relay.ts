// The path between bastion and agent as a process of its own: relays ports to the near end, and is told what to do to them.

import { TcpRelay } from '../../test/support/tcp-relay.ts';
import { control } from './control.ts';

/** What the relay process is started with, as JSON. */
export interface RelayPlan {
  readonly controlSocket: string;
  readonly host: string;
  readonly targetHost: string;
  readonly ports: readonly number[];
  /** Most bytes on their way, per connection and direction; then the sender is slowed down. */
  readonly queueBytes: number;
}

export interface RelayOrder {
  /** One way. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Resets the connections of this port. */
  readonly cut?: number;
  readonly stallMs?: number;
  readonly blackHole?: boolean;
}

/** Ready once it has said so. */
export const RELAY_READY = 'relaying';

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2] as string) as RelayPlan;
  const relays = await Promise.all(plan.ports.map((port) => TcpRelay.start({ ...plan, port, target: port })));
  await control(plan.controlSocket, (order: RelayOrder) => {
    for (const relay of relays) obey(relay, order);
    if (order.cut !== undefined) relays[plan.ports.indexOf(order.cut)]?.cut();
    return { passed: relays.reduce((sum, relay) => sum + relay.passed, 0) };
  });
  process.stdout.write(`${RELAY_READY}\n`);
}

function obey(relay: TcpRelay, order: RelayOrder): void {
  relay.become(order);
  if (order.blackHole === true) relay.blackHole();
  if (order.blackHole === false) relay.heal();
  if (order.stallMs !== undefined) relay.stall(order.stallMs);
}
