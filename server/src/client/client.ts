import { type Call, type CallOptions, type ClientOptions, createCaller } from './caller.ts';
import { PosthornConnectionError } from './errors.ts';
import { createListing, type Listing } from './listing.ts';
import type {
  AcceptedEvent,
  CreatedWebhook,
  DeliveriesQuery,
  Delivery,
  DeliveryWithAttempts,
  Event,
  EventDeliveriesQuery,
  EventsQuery,
  EventType,
  NewEvent,
  NewEventType,
  NewWebhook,
  PageQuery,
  Recovery,
  RecoverySpan,
  RotatedWebhook,
  Rotation,
  Stats,
  TestResult,
  Webhook,
  WebhookDeliveriesQuery,
  WebhookPatch,
} from './types.ts';

export type Client = ReturnType<typeof createClient>;

/**
 * The API as functions. A refusal is thrown as `PosthornApiError`, no answer as `PosthornConnectionError`;
 * what may succeed later (429, 502, 503, 504, no answer) is tried again before.
 */
export function createClient(options: ClientOptions) {
  const call = createCaller(options);

  async function json<Answer>(request: Call): Promise<Answer> {
    const text = await call(request);
    try {
      return JSON.parse(text);
    } catch (cause) {
      // A page of something that stands between, as a rule.
      throw new PosthornConnectionError(options.baseUrl, cause);
    }
  }

  async function nothing(request: Call): Promise<void> {
    await call(request);
  }

  function list<Item>(path: string, query: Call['query'], options?: CallOptions): Listing<Item> {
    return createListing((cursor = query?.cursor?.toString()) =>
      json({ method: 'GET', path, query: { ...query, cursor }, options }),
    );
  }

  return {
    webhooks: {
      create: (body: NewWebhook, options?: CallOptions) =>
        json<CreatedWebhook>({ method: 'POST', path: '/v1/webhooks', body, options }),
      list: (query: PageQuery = {}, options?: CallOptions) =>
        list<Webhook>('/v1/webhooks', query, options),
      get: (id: string, options?: CallOptions) =>
        json<Webhook>({ method: 'GET', path: path`/v1/webhooks/${id}`, options }),
      update: (id: string, body: WebhookPatch, options?: CallOptions) =>
        json<Webhook>({ method: 'PATCH', path: path`/v1/webhooks/${id}`, body, options }),
      delete: (id: string, options?: CallOptions) =>
        nothing({ method: 'DELETE', path: path`/v1/webhooks/${id}`, options }),
      rotateSecret: (id: string, body: Rotation = {}, options?: CallOptions) =>
        json<RotatedWebhook>({
          method: 'POST',
          path: path`/v1/webhooks/${id}/secret/rotate`,
          body,
          options,
        }),
      test: (id: string, options?: CallOptions) =>
        json<TestResult>({ method: 'POST', path: path`/v1/webhooks/${id}/test`, options }),
      recover: (id: string, body: RecoverySpan, options?: CallOptions) =>
        json<Recovery>({ method: 'POST', path: path`/v1/webhooks/${id}/recover`, body, options }),
      deliveries: (id: string, query: WebhookDeliveriesQuery = {}, options?: CallOptions) =>
        list<Delivery>(path`/v1/webhooks/${id}/deliveries`, query, options),
      stats: (id: string, options?: CallOptions) =>
        json<Stats>({ method: 'GET', path: path`/v1/webhooks/${id}/stats`, options }),
    },
    recoveries: {
      get: (id: string, options?: CallOptions) =>
        json<Recovery>({ method: 'GET', path: path`/v1/recoveries/${id}`, options }),
    },
    events: {
      publish: (body: NewEvent, options?: CallOptions) =>
        json<AcceptedEvent>({ method: 'POST', path: '/v1/events', body, options }),
      /** All or none, in this order; at most 100. */
      publishBatch: async (events: readonly NewEvent[], options?: CallOptions) => {
        const request: Call = { method: 'POST', path: '/v1/events', body: { events }, options };
        return (await json<{ data: AcceptedEvent[] }>(request)).data;
      },
      list: (query: EventsQuery = {}, options?: CallOptions) =>
        list<Event>('/v1/events', query, options),
      get: (id: string, options?: CallOptions) =>
        json<Event>({ method: 'GET', path: path`/v1/events/${id}`, options }),
      deliveries: (id: string, query: EventDeliveriesQuery = {}, options?: CallOptions) =>
        list<Delivery>(path`/v1/events/${id}/deliveries`, query, options),
    },
    deliveries: {
      list: (query: DeliveriesQuery = {}, options?: CallOptions) =>
        list<Delivery>('/v1/deliveries', query, options),
      get: (id: string, options?: CallOptions) =>
        json<DeliveryWithAttempts>({ method: 'GET', path: path`/v1/deliveries/${id}`, options }),
      redeliver: (id: string, options?: CallOptions) =>
        json<Delivery>({ method: 'POST', path: path`/v1/deliveries/${id}/redeliver`, options }),
      cancel: (id: string, options?: CallOptions) =>
        json<Delivery>({ method: 'POST', path: path`/v1/deliveries/${id}/cancel`, options }),
    },
    eventTypes: {
      list: (query: PageQuery = {}, options?: CallOptions) =>
        list<EventType>('/v1/event-types', query, options),
      get: (name: string, options?: CallOptions) =>
        json<EventType>({ method: 'GET', path: path`/v1/event-types/${name}`, options }),
      /** What is left out the type has no longer. */
      put: ({ name, description, schema, example }: NewEventType, options?: CallOptions) =>
        json<EventType>({
          method: 'PUT',
          path: path`/v1/event-types/${name}`,
          body: { description, schema, example },
          options,
        }),
      delete: (name: string, options?: CallOptions) =>
        nothing({ method: 'DELETE', path: path`/v1/event-types/${name}`, options }),
    },
    system: {
      health: (options?: CallOptions) =>
        json<{ status: 'ok' }>({ method: 'GET', path: '/healthz', options }),
      readiness: (options?: CallOptions) =>
        json<{ status: 'ready' }>({ method: 'GET', path: '/readyz', options }),
      metrics: (options?: CallOptions) => call({ method: 'GET', path: '/metrics', options }),
      openApi: (options?: CallOptions) =>
        json<{ openapi: string }>({ method: 'GET', path: '/v1/openapi.json', options }),
    },
  };
}

/** A path with what varies made safe for it. */
function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}
