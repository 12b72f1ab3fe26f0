import type { RequestReceiver } from '../receiver-options.ts';
import { type NodeRequest, type NodeResponse, receiveNode, writeAnswer } from './node-request.ts';

const FIX = 'Something read the request before: give it to this handler unread.';

/**
 * For `node:http`: `createServer(nodeHandler(receiver))`, or called for the path of the webhook.
 * There is nobody to throw at: a body that was read before is answered 500 and told to the console.
 */
export function nodeHandler(
  receiver: RequestReceiver,
): (request: NodeRequest & { body?: unknown }, response: NodeResponse) => void {
  return (request, response) => {
    receiveNode(receiver, request, { bodies: [request.body], fix: FIX }).then(
      (answer) => writeAnswer(response, answer),
      (error: unknown) => {
        console.error('Webhook not received:', error);
        writeAnswer(response, { status: 500, headers: {}, body: 'error' });
      },
    );
  };
}
