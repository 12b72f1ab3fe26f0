/** What the headers of a call and of its answer are for. */

const integer = { type: 'integer', minimum: 0 };
const text = { type: 'string' };

export const HEADERS = {
  'X-Request-Id': {
    description: 'Quote it when you ask for help.',
    schema: { type: 'string', pattern: '^req_' },
  },
  'Retry-After': { description: 'Seconds until the call may succeed.', schema: integer },
  'Idempotent-Replayed': {
    description: 'This is the answer that the first call with this key had.',
    schema: { const: 'true' },
  },
  'WWW-Authenticate': { description: 'How to say who you are.', schema: text },
  RateLimit: { description: 'What is left of a limit, where there is one.', schema: text },
  'RateLimit-Policy': { description: 'The limit, where there is one.', schema: text },
} as const;

export function headersOf(names: readonly (keyof typeof HEADERS)[]): object {
  return Object.fromEntries(
    names.map((name) => [name, { $ref: `#/components/headers/${name}` }] as const),
  );
}

export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same call with the same key is done once, and gets the same answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  example: 'user-789-created',
} as const;
