import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PosthornError } from '../core/errors.ts';
import type { Once, Outcome, StoredAnswer } from '../core/once.ts';

const KEY_CHARS_MAX = 255;

/**
 * The key of a request, or null. It is taken bare or as a quoted string (the draft of the header's
 * own specification has it quoted, most clients send it bare).
 */
export function idempotencyKey(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  const given = String(header);
  const quoted = /^"(.*)"$/.exec(given);
  const key = quoted?.[1] ?? given;
  if (!/^[\x21\x23-\x7e]+$/.test(key) || key.length > KEY_CHARS_MAX) {
    throw new PosthornError(
      'invalid_idempotency_key',
      `An Idempotency-Key has 1 to ${KEY_CHARS_MAX} printable ASCII characters, without spaces.`,
    );
  }
  return key;
}

/** The caller's wish that this happens once; undefined when it has none. */
export function onceOf<Result>(
  request: FastifyRequest,
  answer: (result: Result) => { status: number; body: unknown },
): Once<Result> | undefined {
  const key = idempotencyKey(request);
  if (key === null) return undefined;
  return {
    key,
    fingerprint: fingerprint(request),
    answer: (result) => {
      const { status, body } = answer(result);
      return { status, body: JSON.stringify(body) };
    },
  };
}

/** Answers with the result, or exactly as it was answered the first time. */
export function sendOutcome<Result>(
  reply: FastifyReply,
  outcome: Outcome<Result>,
  answer: (result: Result) => { status: number; body: unknown },
): unknown {
  if ('replay' in outcome) return sendReplay(reply, outcome.replay);
  const { status, body } = answer(outcome.result);
  reply.code(status);
  return body;
}

function sendReplay(reply: FastifyReply, { status, body }: StoredAnswer): FastifyReply {
  return reply
    .code(status)
    .header('Idempotent-Replayed', 'true')
    .header('Content-Type', 'application/json; charset=utf-8')
    .serializer((text: unknown) => String(text))
    .send(body);
}

/** The same method, path and body, whatever its white space. */
function fingerprint(request: FastifyRequest): string {
  return createHash('sha256')
    .update(`${request.method} ${request.url}\n`)
    .update(JSON.stringify(request.body ?? null))
    .digest('base64url');
}
