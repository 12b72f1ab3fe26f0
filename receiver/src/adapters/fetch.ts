import type { RequestContext, RequestReceiver } from '../receiver-options.ts';
import { alreadyParsed, BodyTooLarge, RawBody } from './body.ts';

const FIX = 'Something read the request before: give it to this handler first, or a clone() of it.';

/**
 * From a Fetch `Request` to a `Response`: Deno, Bun, Cloudflare Workers and whatever else speaks
 * it. A second argument with a `waitUntil`, as Workers have, is used for slow handlers.
 */
export function fetchHandler(
  receiver: RequestReceiver,
): (request: Request, context?: object) => Promise<Response> {
  return (request, context) => receiveFetch(receiver, request, contextOf(context), FIX);
}

/** @throws WebhookVerificationError `body_already_parsed` with the `fix`. */
export async function receiveFetch(
  receiver: RequestReceiver,
  request: Request,
  context: RequestContext,
  fix: string,
): Promise<Response> {
  // Locked, when somebody reads it right now.
  if (request.bodyUsed || request.body?.locked) throw alreadyParsed(fix);
  try {
    const body = await readBody(request);
    const answer = await receiver.receive({ headers: request.headers, body }, context);
    return new Response(answer.body, { status: answer.status, headers: { ...answer.headers } });
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    return new Response(error.answer.body, { status: 413 });
  }
}

async function readBody(request: Request): Promise<Uint8Array> {
  const body = new RawBody();
  const reader = request.body?.getReader();
  if (reader === undefined) return body.bytes();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return body.bytes();
    try {
      body.add(value);
    } catch (error) {
      void reader.cancel();
      throw error;
    }
  }
}

function contextOf(context: object | undefined): RequestContext {
  const { waitUntil } = (context ?? {}) as RequestContext;
  return typeof waitUntil === 'function' ? { waitUntil: waitUntil.bind(context) } : {};
}
