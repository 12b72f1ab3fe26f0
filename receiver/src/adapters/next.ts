import type { RequestReceiver } from '../receiver-options.ts';
import { receiveFetch } from './fetch.ts';

const FIX = 'Something read the request before: pass the request of the route handler unread.';

export interface NextOptions {
  /** `after` of `next/server`, which keeps the function alive until a slow handler has ended. */
  after?: (work: Promise<unknown>) => void;
}

/**
 * For a route handler of Next.js: `export const POST = nextHandler(receiver)` in
 * `app/webhooks/route.ts`.
 */
export function nextHandler(
  receiver: RequestReceiver,
  { after }: NextOptions = {},
): (request: Request) => Promise<Response> {
  return (request) => receiveFetch(receiver, request, { waitUntil: after }, FIX);
}
