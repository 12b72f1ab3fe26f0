import type { AddressInfo } from 'node:net';
import { createIds, DEFAULT_ACCOUNT_ID } from '../../../src/core/ids.ts';
import type { Control, Store } from '../../../src/core/ports.ts';
import { createAuthenticate } from '../../../src/http/authenticate.ts';
import { createHttpServer } from '../../../src/http/server.ts';
import { createAddressPolicy } from '../../../src/platform/address-policy.ts';
import { createAnnouncements } from '../../../src/platform/announcements.ts';
import { createCursors } from '../../../src/platform/cursors.ts';
import { createDataSchemas } from '../../../src/platform/data-schemas.ts';
import { createRandom } from '../../../src/platform/random.ts';
import { createVault } from '../../../src/platform/vault.ts';
import { createService } from '../../../src/service/service.ts';
import { createLocalStore } from '../../../src/store/sqlite/local-store.ts';
import { createFakeClock, type FakeClock } from '../../engine/support/fake-clock.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { assertInContract } from '../../support/contract.ts';
import { type ApiAnswer, answerOf } from '../../support/start-test-server.ts';
import { within } from '../../support/until.ts';

/** The API over the real store in memory; nothing delivers, the clock and the owner of webhooks are fakes. */
export interface ApiOverStore {
  clock: FakeClock;
  owner: FakeOwner;
  store: Store;
  /** Of the first key. */
  accountId: string;
  /** A request over a real socket, with the key of the first account unless it brings another. */
  request<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ApiAnswer<Body>>;
  /** A request as if it came from that address. */
  from(address: string, headers?: Readonly<Record<string, string>>): Promise<InjectedAnswer>;
}

interface InjectedAnswer {
  status: number;
  headers: Readonly<Record<string, unknown>>;
  code: string | undefined;
}

/** Stands for the engine: acknowledges when the test says so. */
export interface FakeOwner {
  /** What was asked, in its order, as `webhookChanged wh_…`. */
  asked: readonly string[];
  /** When something is asked the next time. */
  next(): Promise<string>;
  /** From now on: at once, never, or with this error. */
  answers: 'at once' | 'never' | Error;
}

export const KEYS = { first: 'phk_first', second: 'phk_second' };

const LIMITS = {
  requestBytesMax: 1_048_576,
  requestTimeoutMs: 30_000,
  requestsMax: 100,
};

export async function startApiOverStore(
  cleanup: Cleanup,
  { requestRate = 0 } = {},
): Promise<ApiOverStore> {
  const clock = createFakeClock();
  const random = createRandom();
  const newId = createIds({ clock, random });
  const encryptionKey = random.bytes(32);
  const store = createLocalStore(':memory:', { newId, handOver: () => {} });
  const second = newId('account');
  await store.createAccount({ id: second, createdAt: clock.now() });
  const owner = createFakeOwner();
  const addresses = createAddressPolicy([]);
  const service = createService({
    store,
    control: owner.control,
    clock,
    random,
    vault: createVault(encryptionKey),
    dataSchemas: createDataSchemas(),
    newId,
    urlRule: { allowHttp: false, allowLocalNames: false, addresses },
    limits: { eventBytesMax: 102_400, webhooksPerAccountMax: 100, idempotencyKeepMs: 86_400_000 },
  });
  const server = createHttpServer({
    service,
    authenticate: createAuthenticate([
      { key: KEYS.first, accountId: DEFAULT_ACCOUNT_ID },
      { key: KEYS.second, accountId: second },
    ]),
    announcements: createAnnouncements(),
    clock,
    cursors: createCursors(encryptionKey),
    newId,
    isDraining: () => false,
    hasLease: () => true,
    requests: { inProgress: 0 },
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    corsOrigins: [],
    limits: { ...LIMITS, requestRate },
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  cleanup.after(async () => {
    await server.close();
    await store.close();
  });
  const { port } = server.server.address() as AddressInfo;

  return {
    clock,
    owner,
    store,
    accountId: DEFAULT_ACCOUNT_ID,
    async request<Body>(
      method: string,
      path: string,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${KEYS.first}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const answer = await answerOf<Body>(response);
      assertInContract({ method, path, ...answer });
      return answer;
    },
    async from(remoteAddress, headers = {}) {
      const path = '/v1/webhooks';
      const injected = await server.inject({ url: path, headers, remoteAddress });
      const { statusCode: status, payload: text } = injected;
      const given = new Headers(Object.entries(injected.headers).map(([n, v]) => [n, String(v)]));
      assertInContract({ method: 'GET', path, status, headers: given, text });
      return { status, headers: injected.headers, code: injected.json().code };
    },
  };
}

function createFakeOwner(): FakeOwner & { control: Control } {
  const asked: string[] = [];
  let heard = Promise.withResolvers<string>();
  const owner: FakeOwner & { control: Control } = {
    asked,
    next: () => within('the owner is asked', heard.promise),
    answers: 'at once',
    control: {
      webhookChanged: ({ webhookId }) => ask(`webhookChanged ${webhookId}`),
      deliveryCancelled: (_webhook, deliveryId) => ask(`deliveryCancelled ${deliveryId}`),
      recoveryCreated: (_webhook, recoveryId) => ask(`recoveryCreated ${recoveryId}`),
      test: async () => null,
    },
  };
  return owner;

  async function ask(what: string): Promise<void> {
    asked.push(what);
    heard.resolve(what);
    heard = Promise.withResolvers();
    const { answers } = owner;
    if (answers instanceof Error) throw answers;
    if (answers === 'never') await new Promise<never>(() => {});
  }
}
