import { type TSchema, Type } from 'typebox';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { ID_PREFIXES, type IdKind } from '../core/ids.ts';
import {
  ATTEMPT_FAILURES,
  ATTEMPT_NOTES,
  DELIVERY_STATUSES,
  DISABLED_REASONS,
  ON_GONE,
  ORDERINGS,
  WEBHOOK_STATUSES,
} from '../core/model.ts';
import { DataExample, DataSchema, nullable, wordOrNull } from './schemas.ts';

/**
 * What the API answers with, for the OpenAPI document and the tests that hold every answer against it.
 * The server sends what `present.ts` makes: these schemas filter nothing out of it. They are open, so
 * that a member can be added without breaking a client.
 */

const Time = Type.String({ format: 'date-time' });
const TimeOrNull = nullable(Time);
const IntegerOrNull = nullable(Type.Integer());
const Count = Type.Integer({ minimum: 0 });

const WebhookMembers = {
  id: idOf('webhook'),
  url: Type.String({ description: 'Where deliveries go.' }),
  events: Type.Array(Type.String(), {
    description: 'Names of event types, families such as `user.*`, or `*`.',
  }),
  status: Type.Enum([...WEBHOOK_STATUSES]),
  created_at: Time,
  description: Type.String(),
  disabled_reason: described(
    wordOrNull(namesOf(DISABLED_REASONS)),
    'Why it is disabled; null while it is not.',
  ),
  secret_hint: Type.String({ description: 'The last four characters of the secret.' }),
  updated_at: Time,
  ordering: Type.Enum([...ORDERINGS]),
  rate_limit: described(
    nullable(Type.Object({ max: Type.Integer(), per: Type.String() })),
    'At most `max` requests `per` so long; null for no limit.',
  ),
  concurrency_max: described(
    IntegerOrNull,
    "Requests open at once; null for the operator's value.",
  ),
  retry_schedule: described(
    nullable(Type.Array(Type.String())),
    "The wait before attempt 1 (made at once, whatever it says), 2, …; null for the operator's schedule.",
  ),
  on_gone: described(wordOrNull(ON_GONE), "What a 410 does; null for the operator's choice."),
  held_until: described(
    TimeOrNull,
    'Nothing is sent before then, because the receiver asked for it; null when it did not.',
  ),
  previous_secret_until: described(
    TimeOrNull,
    'Until when the secret before still goes; null when there is none.',
  ),
};

const Secret = Type.String({ description: 'Shown in this answer and never again.' });
const StandardSecret = Type.String({
  description: 'The spelling of the secret that Standard Webhooks libraries take.',
});

export const Webhook = Type.Object(WebhookMembers);
export const CreatedWebhook = Type.Object({
  ...WebhookMembers,
  secret: Type.Optional(Secret),
  standard_secret: Type.Optional(StandardSecret),
});
export const RotatedWebhook = Type.Object({
  ...WebhookMembers,
  secret: Secret,
  standard_secret: StandardSecret,
});

const WhyFailed = Type.Object({
  code: Type.Enum(namesOf(ATTEMPT_FAILURES)),
  detail: Type.String(),
});
const Note = Type.Object({ code: Type.Enum(namesOf(ATTEMPT_NOTES)), detail: Type.String() });

const Response = {
  response_code: described(IntegerOrNull, 'Null when there was no response.'),
  response_time_ms: described(nullable(Type.Number()), 'Null when there was no response.'),
};
const ResponseBody = described(
  nullable(Type.String()),
  'Its first 4 KiB; null when there was no response.',
);
const Failure = described(nullable(WhyFailed), 'Null when it did not fail.');

export const TestResult = Type.Object({
  id: idOf('testEvent'),
  status: Type.Enum(['delivered', 'failed']),
  ...Response,
  response_body: ResponseBody,
  error: Failure,
});

export const Recovery = Type.Object({
  id: idOf('recovery'),
  status: Type.Enum(['running', 'done', 'cancelled']),
  webhook_id: idOf('webhook'),
  since: Time,
  until: Time,
  deliveries: described(Count, 'What it has made so far.'),
  created_at: Time,
  ended_at: TimeOrNull,
});

export const Stats = Type.Object({
  since: Time,
  deliveries: Count,
  complete: Type.Boolean({ description: 'False when there were more than were looked at.' }),
  delivered: Count,
  failed: Count,
  cancelled: Count,
  success_rate: nullable(Type.Number({ minimum: 0, maximum: 1 })),
  response_time_ms: Type.Object({
    p50: nullable(Type.Number()),
    p95: nullable(Type.Number()),
    p99: nullable(Type.Number()),
  }),
  pending: Count,
  pending_complete: Type.Boolean(),
  next_attempt_at: TimeOrNull,
});

const AcceptedMembers = { id: idOf('event'), type: Type.String(), created_at: Time };

export const AcceptedEvent = Type.Object(AcceptedMembers);
export const AcceptedBatch = Type.Object({ data: Type.Array(AcceptedEvent) });
export const Accepted = Type.Union([AcceptedEvent, AcceptedBatch]);
export const Event = Type.Object({
  ...AcceptedMembers,
  data: Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    properties: {},
    description: "The publisher's own.",
    additionalProperties: true,
  }),
});

const DeliveryMembers = {
  id: idOf('delivery'),
  event_id: idOf('event'),
  status: Type.Enum([...DELIVERY_STATUSES]),
  ...Response,
  created_at: Time,
  webhook_id: idOf('webhook'),
  event_type: Type.String(),
  trigger: Type.Enum(['schedule', 'manual', 'test']),
  attempt_count: Count,
  next_attempt_at: described(TimeOrNull, 'Not before then; null when it has ended.'),
  cancel_reason: described(
    wordOrNull(['requested', 'webhook_disabled', 'webhook_deleted']),
    'Null when it was not cancelled.',
  ),
  error: described(nullable(WhyFailed), 'Why the last attempt failed; null when it did not.'),
};

export const Attempt = Type.Object({
  id: idOf('attempt'),
  number: Type.Integer({ minimum: 1 }),
  started_at: Time,
  ...Response,
  response_body: ResponseBody,
  error: Failure,
  note: described(nullable(Note), 'A remark on something that decided nothing; null for none.'),
});

export const Delivery = Type.Object(DeliveryMembers);
export const DeliveryWithAttempts = Type.Object({
  ...DeliveryMembers,
  attempts: Type.Array(Attempt, { description: 'Oldest first.' }),
});

export const EventType = Type.Object({
  name: Type.String(),
  description: Type.String(),
  schema: DataSchema,
  example: DataExample,
});

export const WebhookList = listOf(Webhook);
export const EventList = listOf(Event);
export const DeliveryList = listOf(Delivery);
export const EventTypeList = listOf(EventType);

export const Health = Type.Object({ status: Type.Literal('ok') });
export const Readiness = Type.Object({ status: Type.Literal('ready') });
export const Metrics = Type.String();
export const OpenApi = Type.Object({ openapi: Type.String() }, { additionalProperties: true });

const Fault = Type.Object({
  pointer: Type.String({
    description: 'A JSON pointer into the body, or the name of a query parameter.',
  }),
  code: Type.String(),
  detail: Type.String(),
});

/** A problem document, RFC 9457. */
export const Problem = Type.Object({
  type: Type.String({ format: 'uri' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'What is wrong and what to do, in a sentence.' }),
  code: Type.Unsafe<ErrorCode>({ enum: Object.keys(ERRORS), description: 'Permanent.' }),
  request_id: idOf('request'),
  errors: Type.Optional(Type.Array(Fault)),
});

function listOf<Item extends TSchema>(item: Item) {
  return Type.Object({
    data: Type.Array(item),
    has_more: Type.Boolean(),
    next_cursor: described(nullable(Type.String()), 'Send it as `cursor` to go on.'),
  });
}

/** What comes behind the prefix has no meaning to rely on. */
function idOf(kind: IdKind) {
  return Type.String({ pattern: `^${ID_PREFIXES[kind]}` });
}

function described<Schema extends TSchema>(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(table) as Name[];
}
