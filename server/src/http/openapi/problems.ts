import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import { headersOf } from './headers.ts';
import type { Operation } from './operations.ts';

const OF_ANY: readonly ErrorCode[] = [
  'malformed_request',
  'request_timeout',
  'headers_too_large',
  'internal_error',
];
const OF_ANY_WITH_KEY: readonly ErrorCode[] = [
  'invalid_query',
  'unauthorized',
  'rate_limited',
  'store_unavailable',
  'overloaded',
  'draining',
];
const OF_A_BODY: readonly ErrorCode[] = [
  'malformed_json',
  'body_too_large',
  'unsupported_media_type',
  'invalid_request',
];
const OF_A_POST: readonly ErrorCode[] = ['invalid_idempotency_key', 'idempotency_key_reused'];

const EXAMPLE_REQUEST_ID = 'req_0VbrJY1000vNG21eVCgs47gu';

/** Every code that a call may be refused with, by status. */
export function problemsOf(
  { tag, problems = [] }: Operation,
  { method, url }: { method: string; url: string },
): Map<number, ErrorCode[]> {
  const codes = new Set<ErrorCode>([
    ...OF_ANY,
    ...(tag === 'System' ? [] : OF_ANY_WITH_KEY),
    ...(method === 'GET' ? [] : OF_A_BODY),
    ...(method === 'POST' ? OF_A_POST : []),
    ...(url.includes(':') ? (['not_found'] as const) : []),
    ...problems,
  ]);
  // In the order of their table, so that the same ones make the same component.
  const sorted = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => codes.has(code));
  return Map.groupBy(sorted, (code) => ERRORS[code].status);
}

/** The component of a response with one of these codes. */
export function problemName(codes: readonly ErrorCode[]): string {
  const words = (code: string) => code.replace(/(?:^|_)(\w)/g, (_, letter) => letter.toUpperCase());
  return codes.map(words).join('Or');
}

export function problemResponse(status: number, codes: readonly ErrorCode[]): object {
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    headers: headersOf([
      'X-Request-Id',
      ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
      ...(status === 409 || status === 429 || status === 503 ? (['Retry-After'] as const) : []),
      ...(status === 401 || status === 429 ? (['RateLimit', 'RateLimit-Policy'] as const) : []),
    ]),
    content: {
      [PROBLEM_TYPE]: {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { code: { enum: codes } } },
          ],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
      },
    },
  };
}

function exampleOf(code: ErrorCode): object {
  const { status, title, help } = ERRORS[code];
  const type = `urn:posthorn:error:${code}`;
  return { type, title, status, detail: help, code, request_id: EXAMPLE_REQUEST_ID };
}
