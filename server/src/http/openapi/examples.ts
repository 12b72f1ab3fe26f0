/** What the OpenAPI document shows; a test holds each against the schema beside it. */

const WEBHOOK_ID = 'wh_0VbrPiHl001ds6c3B0yXf9Hn';
const EVENT_ID = 'evt_0VbrPiIp00JqetDJlxyL9fGJ';
const CREATED_AT = '2026-11-24T04:11:32Z';
const NO_RESPONSE = { response_code: null, response_time_ms: null };

export const NEW_WEBHOOK = {
  url: 'https://yourdomain.com/webhooks',
  events: ['user.created', 'user.updated'],
};
export const WEBHOOK_PATCH = { events: ['user.*'], rate_limit: { max: 100, per: '1m' } };

export const WEBHOOK = {
  id: WEBHOOK_ID,
  ...NEW_WEBHOOK,
  status: 'active',
  created_at: CREATED_AT,
  description: '',
  disabled_reason: null,
  secret_hint: '3Ig=',
  updated_at: CREATED_AT,
  ordering: 'none',
  rate_limit: null,
  concurrency_max: null,
  retry_schedule: null,
  on_gone: null,
  held_until: null,
  previous_secret_until: null,
};

export const SECRET = {
  secret: 'whsec_CyhHY8O68RSUvoUiQ+Nccutf6VTiYSYRRGnMa43+3Ig=',
  standard_secret: 'whsec_CyhHY8O68RSUvoUiQ+Nccutf6VTiYSYRRGnMa43+3Ig=',
};

const HTTP_STATUS = {
  code: 'http_status',
  detail: 'The receiver answered with a status other than 2xx.',
};

export const TEST_RESULT = {
  id: 'evt_test_0VbrPj9g01NAYox0Oeupg0dq',
  status: 'failed',
  response_code: 401,
  response_body: 'no',
  response_time_ms: 1,
  error: HTTP_STATUS,
};

export const RECOVERY = {
  id: 'rec_0VbrPjA100Tn2mVZrD0mQ3wK',
  status: 'running',
  webhook_id: WEBHOOK_ID,
  since: '2026-11-23T00:00:00.000Z',
  until: '2026-11-24T00:00:00.000Z',
  deliveries: 0,
  created_at: CREATED_AT,
  ended_at: null,
};

export const STATS = {
  since: '2026-11-23T04:11:35Z',
  deliveries: 4,
  complete: true,
  delivered: 3,
  failed: 0,
  cancelled: 0,
  success_rate: 1,
  response_time_ms: { p50: 2, p95: 53, p99: 53 },
  pending: 1,
  pending_complete: true,
  next_attempt_at: '2026-11-24T04:12:33.418Z',
};

export const NEW_EVENT = {
  type: 'user.created',
  data: { id: 'usr_789', name: 'John Doe', email: 'john@example.com' },
};
export const ACCEPTED = { id: EVENT_ID, type: 'user.created', created_at: CREATED_AT };
export const EVENT = { ...ACCEPTED, data: NEW_EVENT.data };
export const TEST_EVENT = {
  id: TEST_RESULT.id,
  type: 'webhook.test',
  created_at: CREATED_AT,
  data: {
    message: 'This is a test. Nothing has happened in your account.',
    webhook_id: WEBHOOK_ID,
  },
};

export const DELIVERY = {
  id: 'del_0VbrPiIq01GbZVJsd2dSbSZ2',
  event_id: EVENT_ID,
  status: 'pending',
  response_code: 503,
  response_time_ms: 16,
  created_at: CREATED_AT,
  webhook_id: WEBHOOK_ID,
  event_type: 'user.created',
  trigger: 'schedule',
  attempt_count: 1,
  next_attempt_at: '2026-11-24T04:12:33.218Z',
  cancel_reason: null,
  error: HTTP_STATUS,
};
export const NEW_DELIVERY = {
  ...DELIVERY,
  ...NO_RESPONSE,
  id: 'del_0VbrPj4Z01CbTjbRS0VNLw0e',
  trigger: 'manual',
  attempt_count: 0,
  error: null,
};
export const CANCELLED_DELIVERY = {
  ...DELIVERY,
  status: 'cancelled',
  next_attempt_at: null,
  cancel_reason: 'requested',
};

export const ATTEMPT = {
  id: 'att_0VbrUfMM008LyYUmdlWO9UHQ',
  number: 1,
  started_at: '2026-11-24T04:11:32.526Z',
  response_code: 503,
  response_time_ms: 16,
  response_body: 'no',
  error: HTTP_STATUS,
  note: null,
};

export const EVENT_TYPE_BODY = {
  description: 'An invoice was paid',
  schema: {
    type: 'object',
    properties: { id: { type: 'string' }, amount: { type: 'integer' } },
    required: ['id', 'amount'],
  },
  example: { id: 'inv_123', amount: 1200 },
};
export const EVENT_TYPE = { name: 'invoice.paid', ...EVENT_TYPE_BODY };
