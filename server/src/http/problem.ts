import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS, type Fault, PosthornError } from '../core/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** A problem document, RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: readonly Fault[];
}

export function problemOf(error: PosthornError, requestId: string): Problem {
  const { status, title } = ERRORS[error.code];
  return {
    type: `urn:posthorn:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    request_id: requestId,
    ...(error.faults.length > 0 ? { errors: error.faults } : {}),
  };
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: PosthornError,
): FastifyReply {
  const problem = problemOf(error, request.id);
  request.problemCode = error.code;
  if (error.code === 'unauthorized') reply.header('WWW-Authenticate', 'Bearer realm="posthorn"');
  if (error.retryAfterSeconds !== undefined) reply.header('Retry-After', error.retryAfterSeconds);
  // A serializer of the route's own schema would drop what it does not know.
  return reply
    .code(problem.status)
    .header('Content-Type', PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problem);
}

/** What the framework refuses by itself, in our words; undefined for what is not a caller's mistake. */
export function knownError(error: unknown): PosthornError | undefined {
  if (error instanceof PosthornError) return error;
  const code = (error as { code?: string } | null)?.code ?? '';
  return FRAMEWORK_ERRORS[code]?.();
}

const FRAMEWORK_ERRORS: Record<string, () => PosthornError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new PosthornError('body_too_large', 'The request body is larger than this server accepts.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new PosthornError('unsupported_media_type', 'Send the body as application/json.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new PosthornError('malformed_request', 'The body is shorter or longer than Content-Length.'),
  FST_ERR_BAD_URL: () => new PosthornError('malformed_request', 'The path is not valid.'),
  FST_ERR_MAX_PARAM_LENGTH: () =>
    new PosthornError('not_found', 'There is nothing at a path with so long a part.'),
};
