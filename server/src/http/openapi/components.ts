import type { TSchema } from 'typebox';
import * as answers from '../answers.ts';
import * as bodies from '../schemas.ts';

/** The schemas that have a name in the document, and so in generated clients. */
const NAMED: Readonly<Record<string, TSchema>> = {
  Webhook: answers.Webhook,
  CreatedWebhook: answers.CreatedWebhook,
  RotatedWebhook: answers.RotatedWebhook,
  WebhookList: answers.WebhookList,
  TestResult: answers.TestResult,
  Recovery: answers.Recovery,
  Stats: answers.Stats,
  AcceptedEvent: answers.AcceptedEvent,
  AcceptedBatch: answers.AcceptedBatch,
  Event: answers.Event,
  EventList: answers.EventList,
  Delivery: answers.Delivery,
  DeliveryWithAttempts: answers.DeliveryWithAttempts,
  DeliveryList: answers.DeliveryList,
  Attempt: answers.Attempt,
  EventType: answers.EventType,
  EventTypeList: answers.EventTypeList,
  Problem: answers.Problem,
  NewWebhook: bodies.NewWebhookBody,
  WebhookPatch: bodies.WebhookPatchBody,
  Rotation: bodies.RotateBody,
  Recover: bodies.RecoverBody,
  Publish: bodies.PublishBody,
  EventTypeDescription: bodies.EventTypeBody,
};

const names = new Map<unknown, string>(
  Object.entries(NAMED).map(([name, schema]) => [schema, name]),
);

export function namedSchemas(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(NAMED).map(([name, schema]) => [name, membersOf(schema)]),
  );
}

/** A schema as the document has it: those that have a name are referred to by it, at any depth. */
export function schemaOf(schema: unknown): unknown {
  const name = names.get(schema);
  return name === undefined ? membersOf(schema) : { $ref: `#/components/schemas/${name}` };
}

function membersOf(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(schemaOf);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, schemaOf(value)]));
}
