import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ConstraintError, UnavailableError } from './sql.ts';

export const PROBLEM_TYPE = 'application/problem+json';
const RETRY_AFTER_SECONDS = 1;

/** The caller asked for what cannot be; `detail` says what to do. */
export class ProblemError extends Error {
  readonly status: 404 | 409;

  constructor(status: 404 | 409, detail: string) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
  }
}

export function notFound(what: string, id: string): ProblemError {
  return new ProblemError(404, `There is no ${what} ${id}.`);
}

/** Runs a statement whose constraints a caller may offend, and says which it was. */
export async function explained<Result>(
  statement: Promise<Result>,
  conflicts: Partial<Record<ConstraintError['constraint'], ProblemError>>,
): Promise<Result> {
  try {
    return await statement;
  } catch (error) {
    throw (error instanceof ConstraintError && conflicts[error.constraint]) || error;
  }
}

/** `report` hears of our own mistakes, the caller does not. */
export function createErrorHandler(report: (message: string) => void) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    if (error instanceof ProblemError) return sendProblem(reply, error.status, error.message);
    if (error instanceof UnavailableError) {
      reply.header('Retry-After', RETRY_AFTER_SECONDS);
      return sendProblem(reply, 503, 'The database takes no work at the moment; try again.');
    }
    // What the framework refuses: a body that is no JSON, or does not fit its schema.
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status < 500) return sendProblem(reply, status, error.message);
    report(`${request.method} ${request.routeOptions.url} failed: ${error.stack}`);
    return sendProblem(reply, 500, 'This is a mistake of ours; it has been reported.');
  };
}

export function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send({ type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail });
}
