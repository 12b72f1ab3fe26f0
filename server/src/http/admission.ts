import { PosthornError } from '../core/errors.ts';
import type { Api } from './routes/context.ts';

const RETRY_AFTER_SECONDS = 1;

/**
 * Bounds the requests in progress. It is decided before a body is read: when the store or the disk is
 * slow, requests are refused at once instead of waiting in memory.
 */
export function limitRequests(api: Api, requestsMax: number): void {
  let inProgress = 0;
  api.addHook('onRequest', async (_request, reply) => {
    if (inProgress >= requestsMax) {
      throw new PosthornError(
        'overloaded',
        `${requestsMax} requests are in progress: try again in a moment.`,
        { retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    }
    inProgress += 1;
    // Also when the caller goes away before the answer.
    reply.raw.once('close', () => {
      inProgress -= 1;
    });
  });
}
