import { HEADERS } from '@posthorn/receiver';
import { FIRST_EVENT_TYPES, TEST_EVENT_TYPE } from '../../core/event-types.ts';
import * as answers from '../answers.ts';
import { schemaOf } from './components.ts';
import { EVENT, TEST_EVENT } from './examples.ts';

/** Every header of a delivery but those of HTTP itself: what it says, and one. */
const SENT: Readonly<Record<string, readonly [says: string, example: string]>> = {
  [HEADERS.userAgent]: ["The sender's product name.", 'Posthorn-Webhooks/1.0'],
  [HEADERS.webhookId]: [
    'The webhook: which registration this was sent for.',
    'wh_0VbrPiHl001ds6c3B0yXf9Hn',
  ],
  [HEADERS.eventType]: ['The type of the event.', 'user.created'],
  [HEADERS.legacySignature]: [
    'HMAC-SHA256 of the body with the secret, in hex; proves the body.',
    'sha256=6bf341cd28efbbf5308770bb295c2781b7162f4f505eeebdb9c552d077231c46',
  ],
  [HEADERS.eventId]: [
    'The event: the same on every attempt and every redelivery, and the `id` in the body.',
    EVENT.id,
  ],
  [HEADERS.timestamp]: ['When this attempt was signed, in Unix seconds.', '1701444600'],
  [HEADERS.standardSignature]: [
    'Standard Webhooks: proves body, event id and time; one entry or several with a space between them.',
    'v1,XgTyQn6fVU5RIqW+rg1ixfTQOj6nPQJqA7C6p0+qS7E=',
  ],
  [HEADERS.deliveryId]: [
    'The delivery: what to look for in the log.',
    'del_0VbrPiIq01GbZVJsd2dSbSZ2',
  ],
  [HEADERS.attempt]: ['Which attempt this is, from 1.', '1'],
  [HEADERS.trigger]: [
    '`schedule` after a publish, `manual` after a redelivery, `test` for a test call.',
    'schedule',
  ],
};

const RETRY_AFTER = {
  description: 'Nothing is sent to this webhook before then: seconds, or a date of HTTP.',
  schema: { type: 'string' },
};

/** What receivers may answer, and what that does. */
const RESPONSES = {
  '2XX': { description: 'Delivered, whatever the body says.' },
  401: { description: 'The signature does not fit. Failed; tried again by the schedule.' },
  410: { description: 'Failed; the webhook is disabled, if it is set to be.' },
  429: {
    description: 'Failed; tried again by the schedule, not before `Retry-After`.',
    headers: { 'Retry-After': RETRY_AFTER },
  },
  503: {
    description: 'Failed; tried again by the schedule, not before `Retry-After`.',
    headers: { 'Retry-After': RETRY_AFTER },
  },
  default: { description: 'Failed; tried again by the schedule.' },
};

/** The requests that receivers get, by event type: those of a fresh installation, and a test call's. */
export function webhookRequests(): Record<string, object> {
  const types = { ...FIRST_EVENT_TYPES, [TEST_EVENT_TYPE]: 'A test call was made' };
  return Object.fromEntries(
    Object.entries(types).map(([type, description]) => [
      type,
      { post: request(type, description) },
    ]),
  );
}

function request(type: string, description: string): object {
  const example = [EVENT, TEST_EVENT].find((event) => event.type === type);
  return {
    operationId: `on${type.replace(/(?:^|[._])(\w)/g, (_, letter) => letter.toUpperCase())}`,
    summary: description,
    // No key: what proves the sender is the signature.
    security: [],
    parameters: Object.keys(SENT).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            allOf: [
              schemaOf(answers.Event),
              { type: 'object', properties: { type: { const: type } } },
            ],
          },
          ...(example && { example }),
        },
      },
    },
    responses: RESPONSES,
  };
}

/** The headers of a delivery, as components. */
export function webhookParameters(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(SENT).map(([name, [description, example]]) => [
      name,
      { name, in: 'header', required: true, description, schema: { type: 'string' }, example },
    ]),
  );
}
