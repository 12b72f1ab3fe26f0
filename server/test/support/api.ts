import assert from 'node:assert/strict';
import type { ApiAnswer, TestServer } from './start-test-server.ts';
import { until } from './until.ts';

/** Resources as the API answers them. */
export interface WebhookBody {
  id: string;
  url: string;
  events: string[];
  status: string;
  created_at: string;
  description: string;
  disabled_reason: string | null;
  secret_hint: string;
  updated_at: string;
  ordering: string;
  rate_limit: { max: number; per: string } | null;
  concurrency_max: number | null;
  retry_schedule: string[] | null;
  on_gone: string | null;
  held_until: string | null;
  previous_secret_until: string | null;
  secret?: string;
  standard_secret?: string;
}

export interface AcceptedBody {
  id: string;
  type: string;
  created_at: string;
}

export interface FailureBody {
  code: string;
  detail: string;
}

export interface DeliveryBody {
  id: string;
  event_id: string;
  status: string;
  response_code: number | null;
  response_time_ms: number | null;
  created_at: string;
  webhook_id: string;
  event_type: string;
  trigger: string;
  attempt_count: number;
  next_attempt_at: string | null;
  cancel_reason: string | null;
  error: FailureBody | null;
}

export interface AttemptBody {
  id: string;
  number: number;
  started_at: string;
  response_code: number | null;
  response_time_ms: number | null;
  response_body: string | null;
  error: FailureBody | null;
  note: FailureBody | null;
}

export interface RecoveryBody {
  id: string;
  status: string;
  webhook_id: string;
  since: string;
  until: string;
  deliveries: number;
  created_at: string;
  ended_at: string | null;
}

export interface DeliveryWithAttempts extends DeliveryBody {
  attempts: AttemptBody[];
}

export interface TestCallBody {
  id: string;
  status: string;
  response_code: number | null;
  response_body: string | null;
  response_time_ms: number | null;
  error: FailureBody | null;
}

export interface ListBody<Item> {
  data: Item[];
  has_more: boolean;
  next_cursor: string | null;
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: { pointer: string; code: string; detail: string }[];
}

/** A webhook for everything, unless the fields say otherwise. */
export async function createWebhook(
  server: TestServer,
  fields: { url: string; events?: readonly string[]; secret?: string; description?: string },
): Promise<WebhookBody> {
  const webhook = { events: ['*'], ...fields };
  return expectStatus(201, await server.request<WebhookBody>('POST', '/v1/webhooks', webhook));
}

export async function publish(
  server: TestServer,
  data: object = { id: 'usr_789' },
  type = 'user.created',
): Promise<AcceptedBody> {
  return expectStatus(
    202,
    await server.request<AcceptedBody>('POST', '/v1/events', { type, data }),
  );
}

export async function listDeliveries(
  server: TestServer,
  webhookId: string,
): Promise<DeliveryBody[]> {
  const path = `/v1/webhooks/${webhookId}/deliveries?limit=100`;
  return expectStatus(200, await server.request<ListBody<DeliveryBody>>('GET', path)).data;
}

/** The only delivery of a webhook, with its attempts, when it has ended. */
export async function endedDelivery(
  server: TestServer,
  webhookId: string,
): Promise<DeliveryWithAttempts> {
  const { id } = await until('the delivery has ended', async () => {
    const [delivery, ...others] = await listDeliveries(server, webhookId);
    assert.deepEqual(others, []);
    return delivery !== undefined && delivery.status !== 'pending' && delivery;
  });
  return getDelivery(server, id);
}

export async function getDelivery(server: TestServer, id: string): Promise<DeliveryWithAttempts> {
  const answer = await server.request<DeliveryWithAttempts>('GET', `/v1/deliveries/${id}`);
  return expectStatus(200, answer);
}

/** The body of an answer that has to have this status. */
export function expectStatus<Body>(status: number, answer: ApiAnswer<Body>): Body {
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}
