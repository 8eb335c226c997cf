// The flight cap: how many bytes a session may have sent and not yet had acknowledged, from measured bandwidth and round trip.
//
// Whatever is in flight beyond bandwidth x round trip stands in a queue in front of the slowest hop, and everything
// small waits behind it. A fifth more keeps the path full and shows when it has become faster; a few milliseconds' worth
// more bridge the turns of two busy event loops, which a short path's round trip does not show.
// Only while more and more turns out to fit, twice the product is in flight, which finds the end within a few round trips.
// The idea of measuring both as a maximum and a minimum is BBR's (draft-ietf-ccwg-bbr); TCP below does the pacing.
// Bandwidth is a mean over several round trips: over a single one, an acknowledgement that a busy process sent late, with
// the next on time, looks like half as much bandwidth again, and a maximum picks just that.

/** The cap never falls below this: on short paths the product is smaller than what one turn of the event loop sends. */
export const LOWEST_CAP = 64 * 1024;
/** Nothing gets larger than this, whatever was measured: it bounds the memory kept for replay. */
const HIGHEST_CAP = 64 * 1024 * 1024;
const GAIN = 1.2;
const GROWING_GAIN = 2;
/** The path is still being found out while the running period sees so many times the bandwidth of the one before. */
const GROWTH = 1.15;
/** What the event loops of both ends may take before they acknowledge; the queue it can build up is as short as this. */
export const TURNS_MS = 4;
/** A minimum round trip older than this is measured anew. */
const PROBE_EVERY_MS = 10_000;
/** And sooner with a reason to, but not more often than this. */
const PROBE_AGAIN_MS = 1_000;
/** While probing, half of the product is in flight: even an estimate twice too long then meets an empty queue. */
const PROBE_SHARE = 1 / 3;
/** Less than this share of the bandwidth of the period before may mean that the path got longer: that is looked at soon. */
const SHRUNK = 0.85;
/** A round trip this many times the old one may be the hiccup of a busy event loop: it has to be seen twice, soon after. */
const SUSPICIOUS = 1.25;
/** A probe that has seen no round trip after so many of them, and so many milliseconds, is given up until the next one. */
const PROBE_ROUND_TRIPS = 4;
const PROBE_PATIENCE_MS = 100;
/** Acknowledgements of less than this in flight may have been held back by the peer (20 ms), so they time nothing. */
const PROMPT_FROM = 32 * 1024;
/** Bandwidth is the best of the running and the previous period, each of this many round trips, at least 250 ms. */
const PERIOD_ROUND_TRIPS = 8;
const PERIOD_MS = 250;
/** What a mean is taken over: so many round trips, at least 100 ms; and how many points in it are remembered. */
const SPAN_ROUND_TRIPS = 4;
const SPAN_MS = 100;
const SPAN_POINTS = 10;

interface Departure {
  /** Total sent when this message had left. */
  readonly sent: number;
  readonly at: number;
  /** Total acknowledged, and when, as it left: bandwidth is what arrived since, over the time since. */
  readonly delivered: number;
  readonly deliveredAt: number;
  readonly timed: boolean;
  /** There was nothing more to send: the rate tells how fast the sender was, not the path. */
  readonly idle: boolean;
}

export class Flight {
  readonly #beside: () => readonly Flight[];
  readonly #departures: Departure[] = [];
  #first = 0;
  #sent = 0;
  #delivered = 0;
  #deliveredAt: number;
  /** Bytes per millisecond: the best mean of the running period and of the one before. */
  #bandwidth = 0;
  #previousBandwidth = 0;
  /** The best of the running period over a single round trip: what there is while the path is being found out. */
  #peak = 0;
  /** Total delivered at some moments of the last span, the oldest first. */
  readonly #points: { readonly at: number; readonly delivered: number }[] = [];
  /** When an acknowledgement last told of a moment at which there was nothing more to send. */
  #idleAt = -Infinity;
  #periodEnds = 0;
  #roundTripMs: number | undefined;
  #measuredAt: number;
  #probedAt = -Infinity;
  #shrunk = false;
  /** What one probe saw, until another one has agreed. */
  #suspected: number | undefined;
  #probe: { best: number; ends: number | undefined } | undefined;

  /** `beside`: the flights of other links that share the way there and send bulk just now. */
  constructor(now: number, beside: () => readonly Flight[] = () => []) {
    this.#beside = beside;
    this.#deliveredAt = now;
    this.#measuredAt = now;
  }

  /** Least round trip seen lately, in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Bytes per millisecond that the path was seen to carry lately. */
  get bandwidth(): number {
    return Math.max(this.#growing ? this.#peak : this.#bandwidth, this.#previousBandwidth);
  }

  get #growing(): boolean {
    return this.#bandwidth > GROWTH * this.#previousBandwidth || this.#previousBandwidth === 0;
  }

  /** For how long the oldest message in flight has not been acknowledged, in milliseconds; 0 with nothing in flight. */
  unansweredMs(now: number): number {
    const oldest = this.#departures[this.#first];
    return oldest === undefined ? 0 : now - oldest.at;
  }

  /** Bytes that may be in flight now. */
  get cap(): number {
    const others = this.#beside();
    if (others.length > 0) return this.#shareOf([this, ...others]);
    const product = (this.#growing ? GROWING_GAIN : GAIN) * this.bandwidth * (this.#roundTripMs ?? 0);
    if (this.#probe !== undefined) {
      return Math.max(LOWEST_CAP * PROBE_SHARE, Math.min(HIGHEST_CAP, product) * PROBE_SHARE);
    }
    return Math.min(HIGHEST_CAP, Math.max(LOWEST_CAP, product + this.bandwidth * TURNS_MS));
  }

  /**
   * Several links that send all they can would each take what the other gives up for a path that became faster. Together
   * they are bound as one link is, and each by the same part of it.
   */
  #shareOf(flights: readonly Flight[]): number {
    const bandwidth = flights.reduce((sum, flight) => sum + flight.#steady, 0);
    const roundTripMs = Math.min(...flights.map((flight) => flight.#roundTripMs ?? Infinity));
    const product = roundTripMs === Infinity ? 0 : GAIN * bandwidth * roundTripMs;
    // One that looks for the true round trip would look in vain while the others keep the queue full.
    const probing = flights.some((flight) => flight.#probe !== undefined);
    const full = Math.min(HIGHEST_CAP, Math.max(LOWEST_CAP, product + bandwidth * TURNS_MS));
    const whole = probing ? full * PROBE_SHARE : full;
    const elsewhere = flights.reduce((sum, flight) => sum + flight.#inFlight, -this.#inFlight);
    // What the others leave is this one's, or a link that is busy by halves would leave the path half empty.
    return Math.max(whole / flights.length, whole - elsewhere);
  }

  get #inFlight(): number {
    return this.#sent - this.#delivered;
  }

  /** Bandwidth without what a path that is still being found out has shown for moments. */
  get #steady(): number {
    return Math.max(this.#bandwidth, this.#previousBandwidth);
  }

  /** The queue is short for the moment, and a PING would show the true round trip. */
  get probing(): boolean {
    return this.#probe?.ends !== undefined;
  }

  /** A message of `bytes` has left with `more` telling whether others wait behind it. */
  departed(bytes: number, now: number, more: boolean): void {
    if (this.#sent === this.#delivered) this.#deliveredAt = now;
    this.#sent += bytes;
    this.#departures.push({
      sent: this.#sent,
      at: now,
      delivered: this.#delivered,
      deliveredAt: this.#deliveredAt,
      timed: this.#sent - this.#delivered >= PROMPT_FROM,
      idle: !more,
    });
  }

  /** `unacknowledged` bytes are left in flight; called whenever that may have shrunk. */
  acknowledged(unacknowledged: number, now: number): void {
    const delivered = this.#sent - unacknowledged;
    if (delivered <= this.#delivered) return;
    this.#delivered = delivered;
    this.#deliveredAt = now;
    const last = this.#takeDelivered();
    if (last === undefined) return;
    if (last.timed) this.measured(now - last.at, now);
    this.#rate(last, now);
    this.#probing(unacknowledged, now);
  }

  /** A round trip of `ms`, from an acknowledgement or a PONG. */
  measured(ms: number, now: number): void {
    const sample = Math.max(0.05, ms);
    if (this.#probe !== undefined) this.#probe.best = Math.min(this.#probe.best, sample);
    if (this.#roundTripMs !== undefined && sample > this.#roundTripMs) return;
    this.#roundTripMs = sample;
    this.#measuredAt = now;
  }

  /** Forgets what is in flight and the round trip: times measured across the gap would mean nothing, and the path may be another. */
  restarted(unacknowledged: number, now: number): void {
    this.#departures.length = 0;
    this.#first = 0;
    this.#delivered = this.#sent - unacknowledged;
    this.#deliveredAt = now;
    this.#points.length = 0;
    this.#roundTripMs = undefined;
    this.#suspected = undefined;
    this.#probe = undefined;
  }

  #takeDelivered(): Departure | undefined {
    let last: Departure | undefined;
    while (this.#first < this.#departures.length) {
      const departure = this.#departures[this.#first] as Departure;
      if (departure.sent > this.#delivered) break;
      last = departure;
      this.#first++;
    }
    // Shifting each one would move the whole list; cutting now and then costs nothing that shows.
    if (this.#first > 64 && this.#first * 2 > this.#departures.length) {
      this.#departures.splice(0, this.#first);
      this.#first = 0;
    }
    return last;
  }

  #rate(last: Departure, now: number): void {
    if (now >= this.#periodEnds) this.#nextPeriod(now);
    if (last.idle) this.#idleAt = now;
    const took = now - last.deliveredAt;
    if (took > 0) this.#better(last.idle, (this.#delivered - last.delivered) / took, 'peak');
    const mean = this.#mean(now);
    if (mean !== undefined) this.#better(this.#idleAt > mean.since, mean.rate, 'mean');
  }

  /** What was sent slowly for want of more tells nothing, unless it was fast all the same. */
  #better(idle: boolean, rate: number, kind: 'peak' | 'mean'): void {
    if (idle && rate < this.bandwidth) return;
    if (kind === 'peak') this.#peak = Math.max(this.#peak, rate);
    else this.#bandwidth = Math.max(this.#bandwidth, rate);
  }

  #nextPeriod(now: number): void {
    // Beside others it says nothing about the path: they may have taken a larger part.
    const less = this.#bandwidth > 0 && this.#bandwidth < SHRUNK * this.#previousBandwidth;
    this.#shrunk ||= less && this.#beside().length === 0;
    // An idle period says nothing about the path: then the older figure stays.
    if (this.#bandwidth > 0) this.#previousBandwidth = this.#bandwidth;
    this.#bandwidth = 0;
    this.#peak = 0;
    this.#periodEnds = now + Math.max(PERIOD_MS, PERIOD_ROUND_TRIPS * (this.#roundTripMs ?? 0));
  }

  /** Over the last span; undefined before there was one. */
  #mean(now: number): { readonly rate: number; readonly since: number } | undefined {
    const points = this.#points;
    const span = Math.max(SPAN_MS, SPAN_ROUND_TRIPS * (this.#roundTripMs ?? 0));
    while (points.length > 1 && (points[1] as { at: number }).at <= now - span) points.shift();
    const [oldest, newest] = [points[0], points.at(-1)];
    if (newest === undefined || now - newest.at >= span / SPAN_POINTS)
      points.push({ at: now, delivered: this.#delivered });
    if (oldest === undefined || oldest.at > now - span) return undefined;
    return { rate: (this.#delivered - oldest.delivered) / (now - oldest.at), since: oldest.at };
  }

  #probing(unacknowledged: number, now: number): void {
    if (this.#probe === undefined) {
      if (!this.#probeDue(now)) return;
      this.#shrunk = false;
      this.#probe = { best: Infinity, ends: undefined };
      return;
    }
    // The round trip counts from the moment that the queue has run down to the lowered cap.
    if (this.#probe.ends === undefined) {
      if (unacknowledged > this.cap) return;
      this.#probe.best = Infinity;
      this.#probe.ends = now + (this.#roundTripMs ?? 0);
      return;
    }
    if (now < this.#probe.ends) return;
    // Neither an acknowledgement was prompt enough to be timed nor a PONG came: the lowered cap must not stay for that.
    const patience = PROBE_PATIENCE_MS + PROBE_ROUND_TRIPS * (this.#roundTripMs ?? 0);
    if (this.#probe.best === Infinity && now < this.#probe.ends + patience) return;
    this.#measuredAt = this.#probedAt = now;
    if (this.#probe.best !== Infinity) this.#probed(this.#probe.best);
    this.#probe = undefined;
  }

  #probeDue(now: number): boolean {
    if (now - this.#measuredAt >= PROBE_EVERY_MS) return true;
    return (this.#shrunk || this.#suspected !== undefined) && now - this.#probedAt >= PROBE_AGAIN_MS;
  }

  #probed(best: number): void {
    const suspicious = best > SUSPICIOUS * (this.#roundTripMs ?? Infinity);
    if (suspicious && this.#suspected === undefined) {
      this.#suspected = best;
      return;
    }
    this.#roundTripMs = suspicious ? Math.min(best, this.#suspected ?? best) : best;
    this.#suspected = undefined;
  }
}
