import type { TSchema } from 'typebox';
import type { ErrorCode } from '../../core/errors.ts';
import * as answers from '../answers.ts';
import * as examples from './examples.ts';

/** What the schemas of a route do not say: what it is called, what it is for, what it answers. */
export interface Operation {
  /** Permanent: generated clients name their functions after it. */
  readonly id: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Those that only this call has; the others follow from its method and its schemas. */
  readonly problems?: readonly ErrorCode[];
  /** A body that it takes. */
  readonly body?: object;
}

export interface Answer {
  readonly description: string;
  readonly schema?: TSchema;
  readonly example?: unknown;
  /** JSON when it is not given. */
  readonly mediaType?: string;
}

export const TAGS = {
  Webhooks: 'URLs that are told about events.',
  Events: 'What happened, and whom it is told to.',
  Deliveries: 'One event for one webhook each, with its attempts.',
  'Event types': 'What may be published and subscribed to.',
  System: 'For whoever runs the server; these need no key.',
} as const;
export type Tag = keyof typeof TAGS;

const DELETED: Answer = { description: 'It is deleted.' };

/** By method and path, as Fastify is told them. A route that is not here is not in the document. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'POST /v1/webhooks': {
    id: 'createWebhook',
    tag: 'Webhooks',
    summary: 'Register a webhook',
    body: examples.NEW_WEBHOOK,
    answers: {
      201: {
        description:
          'The webhook; with its secret when that was made for it, here and never again.',
        schema: answers.CreatedWebhook,
        example: { ...examples.WEBHOOK, ...examples.SECRET },
      },
    },
    problems: ['unknown_event_type', 'limit_reached'],
  },
  'GET /v1/webhooks': {
    id: 'listWebhooks',
    tag: 'Webhooks',
    summary: 'List webhooks, newest first',
    answers: { 200: page(answers.WebhookList, examples.WEBHOOK) },
  },
  'GET /v1/webhooks/:id': {
    id: 'getWebhook',
    tag: 'Webhooks',
    summary: 'Read a webhook',
    answers: { 200: webhook('The webhook.') },
  },
  'PATCH /v1/webhooks/:id': {
    id: 'updateWebhook',
    tag: 'Webhooks',
    summary: 'Change a webhook; what is not sent stays',
    body: examples.WEBHOOK_PATCH,
    answers: { 200: webhook('The webhook, when the change is in force.') },
    problems: ['unknown_event_type', 'change_pending'],
  },
  'DELETE /v1/webhooks/:id': {
    id: 'deleteWebhook',
    tag: 'Webhooks',
    summary: 'Delete a webhook; pending deliveries are cancelled, the log stays',
    answers: { 204: DELETED },
    problems: ['change_pending'],
  },
  'POST /v1/webhooks/:id/secret/rotate': {
    id: 'rotateSecret',
    tag: 'Webhooks',
    summary: 'Give a webhook a new secret; the one before goes on beside it for a while',
    body: { overlap: '24h' },
    answers: {
      200: {
        description: 'The webhook with the new secret, here and never again.',
        schema: answers.RotatedWebhook,
        example: { ...examples.WEBHOOK, ...examples.SECRET },
      },
    },
    problems: ['change_pending'],
  },
  'POST /v1/webhooks/:id/test': {
    id: 'testWebhook',
    tag: 'Webhooks',
    summary: 'Send a test event now and answer when the receiver has',
    answers: {
      200: {
        description: 'What came of it, also when the receiver failed.',
        schema: answers.TestResult,
        example: examples.TEST_RESULT,
      },
    },
    problems: ['idempotency_in_progress'],
  },
  'POST /v1/webhooks/:id/recover': {
    id: 'recoverWebhook',
    tag: 'Webhooks',
    summary: 'Deliver anew what a webhook missed',
    body: { since: examples.RECOVERY.since, until: examples.RECOVERY.until },
    answers: {
      202: {
        description: 'It has begun and goes on by itself.',
        schema: answers.Recovery,
        example: examples.RECOVERY,
      },
    },
    problems: ['webhook_disabled', 'recovery_running'],
  },
  'GET /v1/recoveries/:id': {
    id: 'getRecovery',
    tag: 'Webhooks',
    summary: 'Read how far a recovery has come',
    answers: {
      200: {
        description: 'The recovery.',
        schema: answers.Recovery,
        example: examples.RECOVERY,
      },
    },
  },
  'GET /v1/webhooks/:id/deliveries': {
    id: 'listWebhookDeliveries',
    tag: 'Webhooks',
    summary: 'List the deliveries of a webhook, newest first',
    answers: { 200: page(answers.DeliveryList, examples.DELIVERY) },
  },
  'GET /v1/webhooks/:id/stats': {
    id: 'getWebhookStats',
    tag: 'Webhooks',
    summary: 'Read how the deliveries of the last 24 hours went',
    answers: {
      200: { description: 'Figures.', schema: answers.Stats, example: examples.STATS },
    },
  },

  'POST /v1/events': {
    id: 'publishEvents',
    tag: 'Events',
    summary: 'Publish one event, or up to 100 as `events`, all or none',
    body: examples.NEW_EVENT,
    answers: {
      202: {
        description: 'On the disk, with a delivery for every subscribed webhook.',
        schema: answers.Accepted,
        example: examples.ACCEPTED,
      },
    },
    problems: ['unknown_event_type', 'event_too_large'],
  },
  'GET /v1/events': {
    id: 'listEvents',
    tag: 'Events',
    summary: 'List events, newest first, test events among them',
    answers: { 200: page(answers.EventList, examples.EVENT) },
  },
  'GET /v1/events/:id': {
    id: 'getEvent',
    tag: 'Events',
    summary: 'Read an event, exactly as it is delivered',
    answers: {
      200: { description: 'The event.', schema: answers.Event, example: examples.EVENT },
    },
  },
  'GET /v1/events/:id/deliveries': {
    id: 'listEventDeliveries',
    tag: 'Events',
    summary: 'List the deliveries of an event: whom it went to',
    answers: { 200: page(answers.DeliveryList, examples.DELIVERY) },
  },

  'GET /v1/deliveries': {
    id: 'listDeliveries',
    tag: 'Deliveries',
    summary: 'List deliveries, newest first',
    answers: { 200: page(answers.DeliveryList, examples.DELIVERY) },
  },
  'GET /v1/deliveries/:id': {
    id: 'getDelivery',
    tag: 'Deliveries',
    summary: 'Read a delivery with its attempts',
    answers: {
      200: {
        description: 'The delivery.',
        schema: answers.DeliveryWithAttempts,
        example: { ...examples.DELIVERY, attempts: [examples.ATTEMPT] },
      },
    },
  },
  'POST /v1/deliveries/:id/redeliver': {
    id: 'redeliver',
    tag: 'Deliveries',
    summary: 'Send the event of a delivery to its webhook again',
    answers: {
      202: {
        description: 'The new delivery.',
        schema: answers.Delivery,
        example: examples.NEW_DELIVERY,
      },
    },
    problems: ['webhook_disabled'],
  },
  'POST /v1/deliveries/:id/cancel': {
    id: 'cancelDelivery',
    tag: 'Deliveries',
    summary: 'End a pending delivery',
    answers: {
      200: {
        description: 'The delivery; no attempt of it starts any more.',
        schema: answers.Delivery,
        example: examples.CANCELLED_DELIVERY,
      },
    },
    problems: ['delivery_ended', 'change_pending'],
  },

  'GET /v1/event-types': {
    id: 'listEventTypes',
    tag: 'Event types',
    summary: 'List the catalogue, by name',
    answers: { 200: page(answers.EventTypeList, examples.EVENT_TYPE) },
  },
  'GET /v1/event-types/:name': {
    id: 'getEventType',
    tag: 'Event types',
    summary: 'Read an event type',
    answers: { 200: eventType('The event type.') },
  },
  'PUT /v1/event-types/:name': {
    id: 'putEventType',
    tag: 'Event types',
    summary: 'Add an event type, or put another in the place of one',
    body: examples.EVENT_TYPE_BODY,
    answers: {
      200: eventType('It was there.'),
      201: eventType('It is new.'),
    },
    problems: ['limit_reached'],
  },
  'DELETE /v1/event-types/:name': {
    id: 'deleteEventType',
    tag: 'Event types',
    summary: 'Delete an event type; nobody can publish it any more',
    answers: { 204: DELETED },
  },

  'GET /v1/openapi.json': {
    id: 'getOpenApi',
    tag: 'System',
    summary: 'Read this document',
    answers: {
      200: { description: 'OpenAPI 3.1.', schema: answers.OpenApi },
    },
  },
  'GET /healthz': {
    id: 'getHealth',
    tag: 'System',
    summary: 'Ask whether the process answers',
    answers: {
      200: { description: 'It does.', schema: answers.Health, example: { status: 'ok' } },
    },
  },
  'GET /readyz': {
    id: 'getReadiness',
    tag: 'System',
    summary: 'Ask whether an event could be committed now',
    answers: {
      200: { description: 'It could.', schema: answers.Readiness, example: { status: 'ready' } },
    },
    problems: ['store_unavailable', 'draining'],
  },
  'GET /metrics': {
    id: 'getMetrics',
    tag: 'System',
    summary: 'Read the metrics in the text format of Prometheus',
    answers: {
      200: { description: 'Metrics.', schema: answers.Metrics, mediaType: 'text/plain' },
    },
  },
};

function page(schema: TSchema, item: object): Answer {
  return {
    description: 'A page; there are more when `has_more` says so, even if it is empty.',
    schema,
    example: { data: [item], has_more: false, next_cursor: null },
  };
}

function webhook(description: string): Answer {
  return { description, schema: answers.Webhook, example: examples.WEBHOOK };
}

function eventType(description: string): Answer {
  return { description, schema: answers.EventType, example: examples.EVENT_TYPE };
}
