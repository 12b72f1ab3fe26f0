import { type Static, type TSchema, Type } from 'typebox';
import { EVENT_TYPE_CHARS_MAX } from '../core/event-types.ts';
import { DELIVERY_STATUSES, ON_GONE, ORDERINGS, WEBHOOK_STATUSES } from '../core/model.ts';
import {
  CONCURRENCY_MAX,
  DURATION_FORM,
  type DurationInput,
  RATE_LIMIT_MAX,
  RETRY_STEPS_MAX,
} from '../core/webhook-settings.ts';

/** Closed: a member that is not named here is a mistake, and is answered as one. */
const closed = { additionalProperties: false };

const SUBSCRIPTIONS_MAX = 100;
const DESCRIPTION_CHARS_MAX = 500;
const BATCH_EVENTS_MAX = 100;

const Url = Type.String({ minLength: 1 });
const Subscriptions = Type.Array(Type.String({ maxLength: EVENT_TYPE_CHARS_MAX + 2 }), {
  minItems: 1,
  maxItems: SUBSCRIPTIONS_MAX,
  uniqueItems: true,
});
const Secret = Type.String();
const Description = Type.String({ maxLength: DESCRIPTION_CHARS_MAX });

/** Its bounds depend on the member, and are checked where it is read. */
const Duration = Type.Unsafe<DurationInput>({
  type: ['integer', 'string'],
  description: DURATION_FORM,
});
const RateLimit = Type.Object(
  { max: Type.Integer({ minimum: 1, maximum: RATE_LIMIT_MAX }), per: Duration },
  closed,
);

/** How a webhook is delivered to; null is the installation's own value. */
const settings = {
  ordering: Type.Optional(wordOrNull(ORDERINGS)),
  rate_limit: Type.Optional(nullable(RateLimit)),
  concurrency_max: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: CONCURRENCY_MAX }))),
  retry_schedule: Type.Optional(
    nullable(Type.Array(Duration, { minItems: 1, maxItems: RETRY_STEPS_MAX })),
  ),
  on_gone: Type.Optional(wordOrNull(ON_GONE)),
};

export const NewWebhookBody = Type.Object(
  {
    url: Url,
    events: Subscriptions,
    secret: Type.Optional(Secret),
    description: Type.Optional(Description),
    ...settings,
  },
  closed,
);

export const WebhookPatchBody = Type.Object(
  {
    url: Type.Optional(Url),
    events: Type.Optional(Subscriptions),
    secret: Type.Optional(Secret),
    description: Type.Optional(Description),
    status: Type.Optional(Type.Enum([...WEBHOOK_STATUSES])),
    ...settings,
  },
  closed,
);

/** It need not be there. */
export const RotateBody = Type.Object(
  { secret: Type.Optional(Secret), overlap: Type.Optional(Duration) },
  { ...closed, default: {} },
);

// What is inside was scanned when it was parsed; it is the publisher's own.
const NewEvent = {
  type: Type.String(),
  data: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
};

/** One event, or many. Which of the two is told by `events`, so that faults point at the right place. */
export const PublishBody = Type.Object(
  {
    type: Type.Optional(NewEvent.type),
    data: Type.Optional(NewEvent.data),
    events: Type.Optional(
      Type.Array(Type.Object(NewEvent, closed), { minItems: 1, maxItems: BATCH_EVENTS_MAX }),
    ),
  },
  {
    ...closed,
    if: { required: ['events'] },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word.
    then: { maxProperties: 1, description: 'With "events" nothing else is sent.' },
    else: { required: ['type', 'data'] },
  },
);

const Moment = Type.String({ maxLength: 40 });

export const RecoverBody = Type.Object({ since: Moment, until: Type.Optional(Moment) }, closed);

export const DataSchema = objectOrNull(
  'A JSON Schema of `data`, draft 2020-12, as an object; null for none.',
);
export const DataExample = objectOrNull(
  'An example of `data`, an object; null for none. It fits the schema, if there is one.',
);
export const EventTypeBody = Type.Object(
  {
    description: Description,
    schema: Type.Optional(DataSchema),
    example: Type.Optional(DataExample),
  },
  closed,
);

/** A body that need not be there and has nothing in it. */
export const NoBody = Type.Object({}, { ...closed, default: {} });

export const ByIdParams = Type.Object({ id: Type.String() });
export const ByNameParams = Type.Object({ name: Type.String() });

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 20;

const page = {
  limit: Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT }),
  cursor: Type.Optional(Type.String({ maxLength: 256 })),
};
const eventFilter = {
  type: Type.Optional(Type.String()),
  created_after: Type.Optional(Moment),
  created_before: Type.Optional(Moment),
};
const status = { status: Type.Optional(Type.Enum([...DELIVERY_STATUSES])) };
const ofWebhook = { webhook_id: Type.Optional(Type.String()) };
const ofEvent = { event_id: Type.Optional(Type.String()) };

export const PageQuery = Type.Object(page, closed);
export const EventsQuery = Type.Object({ ...page, ...eventFilter }, closed);
export const DeliveriesQuery = Type.Object(
  { ...page, ...eventFilter, ...status, ...ofWebhook, ...ofEvent },
  closed,
);
export const WebhookDeliveriesQuery = Type.Object(
  { ...page, ...eventFilter, ...status, ...ofEvent },
  closed,
);
export const EventDeliveriesQuery = Type.Object({ ...page, ...status, ...ofWebhook }, closed);

export const NoQuery = Type.Object({}, closed);

/** What is inside was scanned when it was parsed. */
function objectOrNull(description: string) {
  return Type.Unsafe<Record<string, unknown> | null>({
    type: ['object', 'null'],
    properties: {},
    additionalProperties: true,
    description,
  });
}

/** The same, or null. Without `anyOf`, so that faults say what is wrong with the value itself. */
export function nullable<Schema extends TSchema & { type: string }>(schema: Schema) {
  return Type.Unsafe<Static<Schema> | null>({ ...schema, type: [schema.type, 'null'] });
}

export function wordOrNull<Word extends string>(words: readonly Word[]) {
  return Type.Unsafe<Word | null>({ enum: [...words, null] });
}
