// A loopback relay in front of the bastion that breaks connections when told to, or after so many bytes.

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class CutRelay {
  /** Connections broken so far. */
  cuts = 0;
  /** Refuses newcomers while false. */
  open = true;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #budget = Infinity;
  #everyBytes = Infinity;
  #which: 'all' | 'oldest' = 'all';

  private constructor(target: number) {
    this.#server = createServer((agent) => {
      if (!this.open) return void agent.resetAndDestroy();
      this.#join(agent, connect(target, '127.0.0.1'));
    });
  }

  static async to(target: number): Promise<CutRelay> {
    const relay = new CutRelay(target);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on connections are cut each time that so many bytes have passed, in both directions together. */
  cutEvery(bytes: number, which: 'all' | 'oldest' = 'all'): void {
    this.#everyBytes = this.#budget = bytes;
    this.#which = which;
  }

  /** Breaks all that is there, with RST on both sides. */
  cut(): void {
    for (const pair of [...this.#pairs]) this.#break(pair);
  }

  /** Breaks the connection that is there for the longest time. */
  cutOldest(): void {
    for (const pair of this.#pairs) return this.#break(pair);
  }

  #break(pair: readonly [Socket, Socket]): void {
    this.cuts++;
    this.#pairs.delete(pair);
    // Node fails to reset a socket that is ending already, and never closes it then.
    for (const socket of pair) socket[socket.writableEnded ? 'destroy' : 'resetAndDestroy']();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(agent: Socket, bastion: Socket): void {
    const pair = [agent, bastion] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [bastion, agent] as const]) {
      from.on('error', () => {});
      from.on('data', (chunk: Buffer) => {
        if (!to.write(chunk)) from.pause();
        this.#spend(chunk.length);
      });
      to.on('drain', () => from.resume());
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  #spend(bytes: number): void {
    this.#budget -= bytes;
    if (this.#budget > 0) return;
    this.#budget = this.#everyBytes;
    if (this.#which === 'all') this.cut();
    else this.cutOldest();
  }
}
