import { PosthornError } from '../core/errors.ts';
import type { Api } from './routes/context.ts';

const RETRY_AFTER_SECONDS = 1;

/** Requests that are not answered yet; counted here, shown by whoever gave it. */
export interface RequestCount {
  inProgress: number;
}

/**
 * Bounds the requests in progress. It is decided before a body is read: when the store or the disk is
 * slow, requests are refused at once instead of waiting in memory.
 */
export function limitRequests(api: Api, requests: RequestCount, requestsMax: number): void {
  api.addHook('onRequest', (_request, reply, done) => {
    if (requests.inProgress >= requestsMax) {
      const detail = `${requestsMax} requests are in progress: try again in a moment.`;
      return done(
        new PosthornError('overloaded', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS }),
      );
    }
    requests.inProgress += 1;
    // Also when the caller goes away before the answer.
    reply.raw.once('close', () => {
      requests.inProgress -= 1;
    });
    done();
  });
}
