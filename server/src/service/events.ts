import { invalid, PosthornError } from '../core/errors.ts';
import { eventBody } from '../core/event-body.ts';
import type { Event } from '../core/model.ts';
import type { Catalogue } from './catalogue.ts';
import type { ServicePorts } from './ports.ts';
import { SubscriptionCache } from './subscriptions.ts';

/** How often an event is matched again when webhooks change under it. */
const MATCHES_MAX = 20;

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
  async publish(
    accountId: string,
    { type, data }: { type: string; data: unknown },
  ): Promise<Event> {
    if (!this.#catalogue.has(type)) await this.#catalogue.expect(type);
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      throw invalid('/data', 'wrong_type', '"data" must be an object.');
    }
    const { store, clock, newId } = this.#ports;
    const id = newId('event');
    const createdAt = clock.now();
    const event = {
      accountId,
      id,
      type,
      createdAt,
      body: eventBody({ id, type, createdAt, data }),
    };
    for (let match = 1; match <= MATCHES_MAX; match++) {
      const { webhookIds, webhooksVersion } = await this.#subscriptions.match(accountId, type);
      const deliveries = webhookIds.map((webhookId) => ({ id: newId('delivery'), webhookId }));
      if ((await store.publish({ ...event, deliveries, webhooksVersion })) === 'accepted') {
        return event;
      }
      this.#subscriptions.forget(accountId);
    }
    throw new PosthornError('overloaded', 'The webhooks of this account change too fast.', {
      retryAfterSeconds: 1,
    });
  }

  async get(accountId: string, id: string): Promise<Event> {
    const event = await this.#ports.store.getEvent(accountId, id);
    if (event === null) throw new PosthornError('not_found', 'There is no such event.');
    return event;
  }
}
