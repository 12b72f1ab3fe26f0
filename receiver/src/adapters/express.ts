import type { RequestReceiver } from '../receiver-options.ts';
import { type NodeRequest, type NodeResponse, receiveNode, writeAnswer } from './node-request.ts';

const FIX =
  'Register this route before app.use(express.json()), or put ' +
  'express.raw({ type: "application/json" }) before the handler; a parser that ran first may keep ' +
  'the bytes: express.json({ verify: (req, _res, bytes) => { req.rawBody = bytes } }).';

/** For Express 4 and 5: `app.post('/webhooks', expressHandler(receiver))`, before any body parser. */
export function expressHandler(
  receiver: RequestReceiver,
): (
  request: NodeRequest & { body?: unknown; rawBody?: unknown },
  response: NodeResponse,
  next: (error?: unknown) => void,
) => void {
  return (request, response, next) => {
    const bodies = [request.rawBody, request.body];
    receiveNode(receiver, request, { bodies, fix: FIX })
      .then((answer) => writeAnswer(response, answer))
      .catch(next);
  };
}
