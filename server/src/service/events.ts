import { invalid, PosthornError } from '../core/errors.ts';
import { eventBody } from '../core/event-body.ts';
import type { Event } from '../core/model.ts';
import { type Once, type Outcome, onceRecord, outcomeOf } from '../core/once.ts';
import type {
  EventFilter,
  FilteredPage,
  NewEvents,
  OnceResult,
  PageRequest,
} from '../core/ports.ts';
import type { Catalogue } from './catalogue.ts';
import type { ServicePorts } from './ports.ts';
import { type Matcher, SubscriptionCache } from './subscriptions.ts';

export interface EventInput {
  type: string;
  data: unknown;
}

export class Events {
  readonly #ports: ServicePorts;
  readonly #catalogue: Catalogue;
  readonly #subscriptions: SubscriptionCache;

  constructor(ports: ServicePorts, catalogue: Catalogue) {
    this.#ports = ports;
    this.#catalogue = catalogue;
    this.#subscriptions = new SubscriptionCache(ports.store);
  }

  /**
   * Accepts an event: when this is fulfilled, it and its deliveries are on the disk.
   *
   * Throws `unknown_event_type`, `invalid_request`, `event_too_large`, `store_unavailable`.
   */
  async publish(accountId: string, input: EventInput, once?: Once<Event>): Promise<Outcome<Event>> {
    const event = await this.#newEvent(accountId, input, '');
    return this.#accept(accountId, [event], event, once);
  }

  /** Accepts all of them, in their order, or none. */
  async publishBatch(
    accountId: string,
    inputs: readonly EventInput[],
    once?: Once<readonly Event[]>,
  ): Promise<Outcome<readonly Event[]>> {
    const events: Event[] = [];
    for (const [index, input] of inputs.entries()) {
      events.push(await this.#newEvent(accountId, input, `/events/${index}`));
    }
    return this.#accept(accountId, events, events, once);
  }

  async get(accountId: string, id: string): Promise<Event> {
    const event = await this.#ports.store.getEvent(accountId, id);
    if (event === null) throw new PosthornError('not_found', 'There is no such event.');
    return event;
  }

  list(accountId: string, filter: EventFilter, page: PageRequest): Promise<FilteredPage<Event>> {
    return this.#ports.store.listEvents(accountId, filter, page);
  }

  /** `pointer` is where the event stands in the request. */
  async #newEvent(accountId: string, { type, data }: EventInput, pointer: string): Promise<Event> {
    const { clock, newId, limits } = this.#ports;
    if (!this.#catalogue.has(type)) await this.#catalogue.expect(type, `${pointer}/type`);
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      throw invalid(`${pointer}/data`, 'wrong_type', '"data" must be an object.');
    }
    const id = newId('event');
    const createdAt = clock.now();
    const body = eventBody({ id, type, createdAt, data }, limits.eventBytesMax);
    return { accountId, id, type, createdAt, body };
  }

  async #accept<Result>(
    accountId: string,
    events: readonly Event[],
    result: Result,
    once: Once<Result> | undefined,
  ): Promise<Outcome<Result>> {
    const { store, clock, vault, limits } = this.#ports;
    const call = { accountId, now: clock.now() };
    const keep = { vault, keepMs: limits.idempotencyKeepMs };
    const record = onceRecord(once, result, call, keep);
    let said: OnceResult<'accepted' | 'stale'> = { result: 'stale' };
    // A publisher that matched twice in vain leaves the matching to the store.
    for (const by of ['cache', 'cache', 'store'] as const) {
      const matcher = by === 'cache' ? await this.#subscriptions.matcher(accountId) : null;
      const matched = this.#matched(matcher, events);
      said = await store.publish({ accountId, ...matched, once: record });
      if ('earlier' in said || said.result === 'accepted') break;
      if (matcher !== null) this.#subscriptions.forget(accountId, matcher);
    }
    const outcome = outcomeOf(said, once, accountId, vault);
    return 'replay' in outcome ? outcome : { result };
  }

  /** With nobody who matches them they are left to the store. */
  #matched(
    matcher: Matcher | null,
    events: readonly Event[],
  ): Pick<NewEvents, 'events' | 'webhooksVersion'> {
    const { newId } = this.#ports;
    const deliveries = ({ id, type }: Event) =>
      (matcher?.webhookIds(type) ?? []).map((webhookId) => ({
        id: newId('delivery', id),
        webhookId,
      }));
    return {
      webhooksVersion: matcher?.webhooksVersion ?? null,
      events: events.map((event) => ({ ...event, deliveries: deliveries(event) })),
    };
  }
}
