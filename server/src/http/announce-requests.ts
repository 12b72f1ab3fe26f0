import { type Announcements, NO_ROUTE } from '../core/announcements.ts';
import type { Api } from './routes/context.ts';

/** Announced for a request whose caller went away before the end of its answer: nginx's number for it. */
const CALLER_GONE = 499;

/** Announces each request when it is over, however that came. */
export function announceRequests(api: Api, { request: announcement }: Announcements): void {
  api.addHook('onRequest', (request, reply, done) => {
    if (!announcement.hasSubscribers) return done();
    const startedAt = performance.now();
    // Not `onResponse`: that is never called when the caller goes away before the answer.
    reply.raw.once('close', () => {
      announcement.publish({
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? NO_ROUTE,
        status: reply.raw.writableFinished ? reply.statusCode : CALLER_GONE,
        durationMs: performance.now() - startedAt,
        code: request.problemCode,
      });
    });
    done();
  });
}
