import type { Static } from 'typebox';
import type * as errors from '../core/errors.ts';
import type * as answers from '../http/answers.ts';
import type * as requests from '../http/schemas.ts';

/**
 * The schemas that the server checks requests with, and that its answers are tested with, as types. Nothing
 * else of the client knows the server: `scripts/build-client.ts` writes these out.
 */

export type ErrorCode = errors.ErrorCode;
export type Fault = errors.Fault;

export type Webhook = Static<typeof answers.Webhook>;
export type CreatedWebhook = Static<typeof answers.CreatedWebhook>;
export type RotatedWebhook = Static<typeof answers.RotatedWebhook>;
export type TestResult = Static<typeof answers.TestResult>;
export type Recovery = Static<typeof answers.Recovery>;
export type Stats = Static<typeof answers.Stats>;
export type AcceptedEvent = Static<typeof answers.AcceptedEvent>;
export type Event = Static<typeof answers.Event>;
export type Delivery = Static<typeof answers.Delivery>;
export type DeliveryWithAttempts = Static<typeof answers.DeliveryWithAttempts>;
export type Attempt = Static<typeof answers.Attempt>;
export type EventType = Static<typeof answers.EventType>;
export type Problem = Static<typeof answers.Problem>;

export type NewWebhook = Static<typeof requests.NewWebhookBody>;
export type WebhookPatch = Static<typeof requests.WebhookPatchBody>;
export type Rotation = Static<typeof requests.RotateBody>;
export type RecoverySpan = Static<typeof requests.RecoverBody>;
export type NewEvent = NonNullable<Static<typeof requests.PublishBody>['events']>[number];

export interface NewEventType extends Static<typeof requests.EventTypeBody> {
  name: string;
}

export type PageQuery = Partial<Static<typeof requests.PageQuery>>;
export type EventsQuery = Partial<Static<typeof requests.EventsQuery>>;
export type DeliveriesQuery = Partial<Static<typeof requests.DeliveriesQuery>>;
export type WebhookDeliveriesQuery = Partial<Static<typeof requests.WebhookDeliveriesQuery>>;
export type EventDeliveriesQuery = Partial<Static<typeof requests.EventDeliveriesQuery>>;
