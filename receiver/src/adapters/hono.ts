import type { RequestContext, RequestReceiver } from '../receiver-options.ts';
import { receiveFetch } from './fetch.ts';

const FIX =
  'Something read the request before: register this route before any middleware that calls ' +
  'c.req.json(), c.req.parseBody() or a body validator.';

/** What is used of Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  readonly executionCtx: { waitUntil(work: Promise<unknown>): void };
}

/** For Hono, on any runtime: `app.post('/webhooks', honoHandler(receiver))`. */
export function honoHandler(
  receiver: RequestReceiver,
): (context: HonoContext) => Promise<Response> {
  return (context) => receiveFetch(receiver, context.req.raw, runtimeOf(context), FIX);
}

/** Hono throws where its runtime has no such context, as Node has none. */
function runtimeOf(context: HonoContext): RequestContext {
  try {
    const { executionCtx } = context;
    return { waitUntil: (work) => executionCtx.waitUntil(work) };
  } catch {
    return {};
  }
}
