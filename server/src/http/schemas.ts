import { Type } from 'typebox';
import { EVENT_TYPE_CHARS_MAX } from '../core/event-types.ts';
import { WEBHOOK_STATUSES } from '../core/model.ts';

/** Closed: a member that is not named here is a mistake, and is answered as one. */
const closed = { additionalProperties: false };

const SUBSCRIPTIONS_MAX = 100;
const DESCRIPTION_CHARS_MAX = 500;

const Url = Type.String({ minLength: 1 });
const Subscriptions = Type.Array(Type.String({ maxLength: EVENT_TYPE_CHARS_MAX + 2 }), {
  minItems: 1,
  maxItems: SUBSCRIPTIONS_MAX,
  uniqueItems: true,
});
const Secret = Type.String();
const Description = Type.String({ maxLength: DESCRIPTION_CHARS_MAX });

export const NewWebhookBody = Type.Object(
  {
    url: Url,
    events: Subscriptions,
    secret: Type.Optional(Secret),
    description: Type.Optional(Description),
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
  },
  closed,
);

export const NewEventBody = Type.Object(
  {
    type: Type.String(),
    // Scanned when it was parsed; what is inside is the publisher's own.
    data: Type.Object({}),
  },
  closed,
);

export const EventTypeBody = Type.Object({ description: Description }, closed);

/** A body that need not be there and has nothing in it. */
export const NoBody = Type.Object({}, { ...closed, default: {} });

export const ByIdParams = Type.Object({ id: Type.String() });
export const ByNameParams = Type.Object({ name: Type.String() });

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 20;

export const PageQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT }),
    cursor: Type.Optional(Type.String({ maxLength: 256 })),
  },
  closed,
);

export const NoQuery = Type.Object({}, closed);
