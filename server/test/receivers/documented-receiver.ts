import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Cleanup } from '../support/cleanup.ts';

export interface DocumentedReceiver {
  url: string;
  /** The bodies that were verified, as the application sees them. */
  verified: readonly unknown[];
}

/**
 * The Express receiver of the reference page: it verifies what it gets when it writes the parsed
 * body again, never the bytes that came.
 */
export async function startDocumentedReceiver(
  cleanup: Cleanup,
  { express, secret }: { express: Express; secret: string },
): Promise<DocumentedReceiver> {
  const verified: unknown[] = [];
  const app = express();
  app.use(express.json());
  app.post('/webhooks', (request, response) => {
    const signature = request.headers['x-webhook-signature'] ?? '';
    if (!isSigned(JSON.stringify(request.body), signature, secret)) {
      response.status(401).send('Invalid signature');
      return;
    }
    verified.push(request.body);
    response.status(200).send('OK');
  });

  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`, verified };
}

function isSigned(payload: string, signature: string, secret: string): boolean {
  const digest = `sha256=${createHmac('sha256', secret).update(payload).digest('hex')}`;
  return timingSafeEqual(Buffer.from(signature), Buffer.from(digest));
}
