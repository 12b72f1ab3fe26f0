import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { lastFirst } from './last-first.ts';

/** Passes requests on to a server and keeps the answers for itself. */
export async function startHoldingProxy(t: TestContext, target: string) {
  const answered = Promise.withResolvers<number>();
  const proxy = createServer(async (request) => {
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(await Array.fromAsync(request));
    const { host: _, connection: __, 'content-length': ___, ...kept } = headers;
    const answer = await fetch(target + url, {
      method,
      headers: kept as Record<string, string>,
      ...(body.length > 0 && { body }),
    });
    await answer.text();
    answered.resolve(answer.status);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  lastFirst(t).after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const { port } = proxy.address() as AddressInfo;
  /** `answered`: the status of the first answer that nobody got. */
  return { url: `http://127.0.0.1:${port}`, answered: answered.promise };
}
