import type { Arrival } from './receiver.ts';

interface SeenEvent {
  body: string;
  /** Of the newest arrival. */
  run: string;
  attempt: number;
  /** The run that was last answered 2xx; one that is killed may not have written it down. */
  deliveredIn: string | null;
}

/**
 * What one webhook's receiver saw of a server that is killed and started again, held against what may
 * be seen. A run of the server is known by its `User-Agent`, so that nothing depends on when a kill
 * was noticed here.
 */
export class DeliveriesSeen {
  readonly events = new Map<string, SeenEvent>();
  readonly delivered = new Set<string>();
  /** Requests in all. */
  requests = 0;
  /** Requests for events that had been answered 2xx before. */
  duplicates = 0;
  readonly faults: string[] = [];

  record({ headers, body }: Arrival, status: number): void {
    const eventId = String(headers['webhook-id']);
    const run = String(headers['user-agent']);
    const attempt = Number(headers['x-webhook-attempt']);
    const isDelivered = status >= 200 && status < 300;
    const before = this.events.get(eventId);
    this.requests += 1;
    if (before !== undefined) this.#compare(eventId, before, { run, attempt, body });
    else if (attempt !== 1) this.faults.push(`${eventId}: the first attempt seen is ${attempt}`);
    if (isDelivered) this.delivered.add(eventId);
    const deliveredIn = isDelivered ? run : (before?.deliveredIn ?? null);
    this.events.set(eventId, { body: before?.body ?? body, run, attempt, deliveredIn });
  }

  #compare(
    eventId: string,
    before: SeenEvent,
    { run, attempt, body }: { run: string; attempt: number; body: string },
  ): void {
    const fault = (what: string) => this.faults.push(`${eventId}: ${what}`);
    if (before.deliveredIn !== null) this.duplicates += 1;
    if (body !== before.body) fault('the body differs from that of the attempt before');
    // Within one run nothing is done twice. A kill may have taken the record of one attempt with it.
    const expected =
      run === before.run ? [before.attempt + 1] : [before.attempt, before.attempt + 1];
    if (!expected.includes(attempt)) fault(`attempt ${attempt} follows attempt ${before.attempt}`);
    if (before.deliveredIn === run) fault('sent again after a 2xx in the same run');
  }
}
