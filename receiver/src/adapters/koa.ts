import type { RequestReceiver } from '../receiver-options.ts';
import { type NodeRequest, receiveNode } from './node-request.ts';

const FIX =
  'Use this handler before any body parser, or one that keeps `ctx.request.rawBody`, as ' +
  'koa-bodyparser does.';

/** What is used of Koa's context. */
export interface KoaContext {
  readonly req: NodeRequest;
  /** Body parsers put `body` and `rawBody` here. */
  readonly request: object;
  status: number;
  body: unknown;
  set(headers: { [name: string]: string }): void;
}

/** For Koa: `router.post('/webhooks', koaHandler(receiver))`, before any body parser. */
export function koaHandler(receiver: RequestReceiver): (context: KoaContext) => Promise<void> {
  return async (context) => {
    const { rawBody, body: parsed } = context.request as { rawBody?: unknown; body?: unknown };
    const bodies = [rawBody, parsed];
    const { status, headers, body } = await receiveNode(receiver, context.req, {
      bodies,
      fix: FIX,
    });
    context.status = status;
    context.set({ ...headers });
    context.body = body;
  };
}
