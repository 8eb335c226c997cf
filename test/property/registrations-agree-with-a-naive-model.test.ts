// Any sequence of arrivals, goodbyes and losses leaves the decision table and a naive model with the same world.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { decide } from '../../bastion/tunnels/registration.ts';

const OWNERS = ['alice', 'bob'] as const;
const NAMES = ['a', 'b', 'c'] as const;

interface Link {
  slot: number;
  leaving: boolean;
}

interface Tunnel {
  /** Counted from 0 in the order in which they were made. */
  number: number;
  owner: string;
  instance: string;
  names: string[];
  links: Link[];
  leaving: boolean;
}

type Event =
  | { kind: 'arrive'; owner: string; instance: string; slot: number; names: string[] }
  | { kind: 'lose'; pick: number }
  | { kind: 'goaway'; pick: number }
  | { kind: 'give'; name: string; owner: string };

/** Names that one owner may have. */
const LIMIT = 2;
/** Links of a tunnel, names of a tunnel, tunnels of an owner. */
const LIMITS = { links: 3, names: 2, tunnels: 2 };

/** What the bastion does with the table's decisions. */
class Table {
  tunnels: Tunnel[] = [];
  made = 0;
  replaced = new Set<string>();
  owners = new Map<string, string>();

  arrive(event: Extract<Event, { kind: 'arrive' }>): string {
    const state = {
      draining: false,
      tunnels: this.tunnels,
      replaced: (i: string) => this.replaced.has(i),
      reservation: (name: string) => {
        const owner = this.owners.get(name);
        return owner === undefined ? undefined : { owner, held: true };
      },
      room: (owner: string) => LIMIT - [...this.owners.values()].filter((other) => other === owner).length,
      limits: LIMITS,
      held: (owner: string) => {
        const tunnels = this.tunnels.filter((tunnel) => tunnel.owner === owner);
        const leaving = tunnels.filter((tunnel) => tunnel.leaving).length;
        return { serving: tunnels.length - leaving, leaving };
      },
    };
    const decision = decide(state, { ...event, allowed: ['*'], services: 1 });
    if (decision.answer === 'refuse') return decision.code;
    for (const name of event.names) this.owners.set(name, event.owner);
    for (const tunnel of decision.retire) {
      tunnel.leaving = true;
      for (const link of tunnel.links) link.leaving = true;
      this.replaced.add(tunnel.instance);
    }
    const tunnel = decision.join ?? { ...event, number: this.made++, links: [], leaving: false };
    if (decision.join === undefined) this.tunnels.push(tunnel);
    tunnel.links = tunnel.links.filter((link) => link !== decision.drop);
    tunnel.links.push({ slot: event.slot, leaving: false });
    return 'accept';
  }

  links(): { tunnel: Tunnel; link: Link }[] {
    return this.tunnels.flatMap((tunnel) => tunnel.links.map((link) => ({ tunnel, link })));
  }

  lose(pick: number): void {
    const links = this.links();
    const chosen = links[pick % Math.max(1, links.length)];
    if (chosen === undefined) return;
    chosen.tunnel.links = chosen.tunnel.links.filter((link) => link !== chosen.link);
    this.tunnels = this.tunnels.filter(({ links: left }) => left.length > 0);
  }

  goaway(pick: number): void {
    const links = this.links();
    const chosen = links[pick % Math.max(1, links.length)];
    if (chosen !== undefined) chosen.link.leaving = true;
  }

  /** An administrator makes it another owner's, and whoever serves it has to go. */
  give(name: string, owner: string): void {
    this.owners.set(name, owner);
    for (const tunnel of this.tunnels) {
      if (tunnel.owner === owner || !tunnel.names.includes(name)) continue;
      tunnel.leaving = true;
      for (const link of tunnel.links) link.leaving = true;
    }
  }

  describe(): string[] {
    return this.links()
      .map(({ tunnel, link }) => row({ ...tunnel, ...link, out: tunnel.leaving }))
      .toSorted();
  }
}

interface Row {
  number: number;
  owner: string;
  instance: string;
  names: string[];
  slot: number;
  leaving: boolean;
  /** Its tunnel has lost its names. */
  out: boolean;
}

function row(link: Row): string {
  const names = link.names.toSorted().join('+');
  return `${link.number} ${link.owner} ${link.instance} ${names} ${link.slot} ${link.leaving} ${link.out}`;
}

/** The naive twin: a flat list of links and the rules of the protocol page, one sentence each. */
class Model {
  rows: Row[] = [];
  made = 0;
  replaced = new Set<string>();
  /** `alice a`: the name is hers. */
  owned = new Set<string>();

  /** A name is the owner's who claimed it first, whether or not anybody serves it. */
  isForeign(name: string, owner: string): boolean {
    return OWNERS.some((other) => other !== owner && this.owned.has(`${other} ${name}`));
  }

  give(name: string, owner: string): void {
    for (const other of OWNERS) this.owned.delete(`${other} ${name}`);
    this.owned.add(`${owner} ${name}`);
    for (const loser of this.rows.filter((link) => link.owner !== owner && link.names.includes(name) && !link.out))
      for (const link of this.rows)
        if (!link.out && link.owner === loser.owner && link.instance === loser.instance)
          Object.assign(link, { leaving: true, out: true });
  }

  ownershipRefusal(owner: string, names: readonly string[]): string | undefined {
    if (names.some((name) => this.isForeign(name, owner))) return 'name-taken';
    const mine = NAMES.filter((name) => this.owned.has(`${owner} ${name}`));
    const wanted = new Set([...mine, ...names]).size;
    if (wanted > mine.length && wanted > LIMIT) return 'name-limit';
    return undefined;
  }

  /** So many tunnels an owner may have, and as many that are ending; so many links a tunnel. */
  numberRefusal(
    owner: string,
    own: readonly Row[],
    coming: { slot: number; losers: readonly Row[] },
  ): string | undefined {
    const different = (rows: readonly Row[]): number => new Set(rows.map(({ number }) => number)).size;
    if (own.length > 0) {
      const left = this.rows.filter(
        (link) => link.number === own[0]?.number && (link.slot !== coming.slot || link.leaving),
      );
      return left.length + 1 > LIMITS.links ? 'link-limit' : undefined;
    }
    const hers = this.rows.filter((link) => link.owner === owner);
    const staying = hers.filter((link) => !link.out && !coming.losers.includes(link));
    const ending = hers.filter((link) => link.out || coming.losers.includes(link));
    return different(staying) + 1 > LIMITS.tunnels || different(ending) > LIMITS.tunnels ? 'tunnel-limit' : undefined;
  }

  /** Why it is refused, or whose place it takes. */
  judge({ owner, instance, slot, names }: Extract<Event, { kind: 'arrive' }>): string | { own: Row[]; losers: Row[] } {
    const refused = this.ownershipRefusal(owner, names);
    if (refused !== undefined) return refused;
    const serving = this.rows.filter((link) => !link.out);
    const sharing = serving.filter((link) => link.names.some((name) => names.includes(name)));
    if (sharing.some((link) => link.owner !== owner)) return 'name-taken';
    const isOwn = (link: Row): boolean => link.owner === owner && link.instance === instance;
    const losers = sharing.filter((link) => !isOwn(link));
    if (losers.length > 0 && this.replaced.has(instance)) return 'replaced';
    const own = serving.filter(isOwn);
    if (own.some((link) => link.names.toSorted().join() !== names.toSorted().join())) return 'registration-malformed';
    if (names.length > LIMITS.names) return 'registration-malformed';
    return this.numberRefusal(owner, own, { slot, losers }) ?? { own, losers };
  }

  arrive(event: Extract<Event, { kind: 'arrive' }>): string {
    const judged = this.judge(event);
    if (typeof judged === 'string') return judged;
    const { owner, instance, slot, names } = event;
    const { own, losers } = judged;
    for (const loser of losers) {
      this.replaced.add(loser.instance);
      Object.assign(loser, { leaving: true, out: true });
    }
    for (const name of names) this.owned.add(`${owner} ${name}`);
    this.rows = this.rows.filter((link) => !(own.includes(link) && link.slot === slot && !link.leaving));
    const number = own[0]?.number ?? this.made++;
    this.rows.push({ number, owner, instance, slot, names, leaving: false, out: false });
    return 'accept';
  }
}

const names = fc.subarray([...NAMES], { minLength: 1 }).chain((some) => fc.constantFrom(some, some.toReversed()));
const arrive = fc.record({
  kind: fc.constant('arrive' as const),
  owner: fc.constantFrom(...OWNERS),
  instance: fc.constantFrom('i1', 'i2', 'i3'),
  slot: fc.integer({ min: 0, max: 2 }),
  names,
});
const touch = fc.record({ kind: fc.constantFrom('lose' as const, 'goaway' as const), pick: fc.nat(20) });
const give = fc.record({
  kind: fc.constant('give' as const),
  name: fc.constantFrom(...NAMES),
  owner: fc.constantFrom(...OWNERS),
});
const events = fc.array(
  fc.oneof({ weight: 6, arbitrary: arrive }, { weight: 2, arbitrary: touch }, { weight: 1, arbitrary: give }),
  { maxLength: 40 },
);

test('the table and the naive model answer alike and leave the same links', () => {
  fc.assert(
    fc.property(events, (sequence: Event[]) => {
      const table = new Table();
      const model = new Model();
      for (const event of sequence) {
        if (event.kind === 'arrive') assert.equal(table.arrive(event), model.arrive(event));
        else if (event.kind === 'give') {
          table.give(event.name, event.owner);
          model.give(event.name, event.owner);
        } else {
          const before = table.describe();
          table[event.kind](event.pick);
          mirror(model, before, table.describe(), event.kind);
        }
        assert.deepEqual(table.describe(), model.rows.map(row).toSorted());
        checkInvariants(table);
      }
    }),
    { numRuns: 2000 },
  );
});

/** Which link was touched is the test's own choice, not a decision: the model takes it over. */
function mirror(model: Model, before: string[], after: string[], kind: 'lose' | 'goaway'): void {
  const gone = [...before];
  for (const line of after) {
    const at = gone.indexOf(line);
    if (at >= 0) gone.splice(at, 1);
  }
  const at = model.rows.findIndex((link) => row(link) === gone[0]);
  if (at < 0) return;
  if (kind === 'lose') model.rows.splice(at, 1);
  else (model.rows[at] as Row).leaving = true;
}

function checkInvariants(table: Table): void {
  const serving = table.tunnels.filter((tunnel) => !tunnel.leaving);
  for (const name of NAMES) {
    const holders = serving.filter((tunnel) => tunnel.names.includes(name));
    assert.ok(holders.length <= 1, `${name} is served by ${holders.length} tunnels`);
    for (const holder of holders) assert.equal(holder.owner, table.owners.get(name), `${name} is served by a stranger`);
  }
  for (const tunnel of serving) {
    const slots = tunnel.links.filter((link) => !link.leaving).map((link) => link.slot);
    assert.equal(new Set(slots).size, slots.length, 'two links hold one slot');
  }
}
