// What every example is put through: a real program, called by a real Posthorn.
import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { until } from '../../../server/test/support/until.ts';
import {
  type Api,
  createApi,
  printedKey,
  startServer,
  temporaryDirectory,
} from '../../../server/test/system/support/server-process.ts';
import type { ReceiverProgram } from './programs.ts';
import { createReceiver, type Receiver } from './receiver.ts';

interface Delivery {
  id: string;
  event_id: string;
  status: string;
  attempt_count: number;
  response_code: number | null;
}

interface World {
  api: Api;
  serverUrl: string;
  key: string;
  receiver: Receiver;
  secret: string;
  /** One for each way to verify, each with an event type of its own. */
  webhooks: readonly { id: string; type: string }[];
}

const WAYS = [
  { path: '/webhooks', type: 'user.created' },
  { path: '/webhooks/documented', type: 'user.updated' },
];

/** As publishers write them, in JSON text; each is what some way to verify stumbles over. */
const DATA: Readonly<Record<string, string>> = {
  'no data': '{}',
  unicode: String.raw`{"Straße":"東京","rtl":"שלום","parts":"e\u0301","family":"👩\u200d👧"}`,
  floats: '{"n":[0.1,1.0,1.10,-0,1e21,1E+2,1e-7,5e-324,3.141592653589793,9007199254740991]}',
  'keys in no order': '{"z":1,"10":"ten","a":{"y":2,"b":[{"x":3}]},"9":"nine","":6,"-1":"x"}',
  escapes: String.raw`{"s":"\u0000\u001f\u007f\"\\\/\b\f\n\r\t\u2028\u2029\ufeff<b>&amp;'"}`,
  '100 KiB': `{"fill":"${'🦊'.repeat(25_550)}"}`,
};

/** The same for every example. */
export function testReceiver(program: ReceiverProgram): void {
  const { name, missing } = program;
  // A laptop may lack it; in CI a test that does not run would be a hole nobody sees.
  const skip = missing !== null && !process.env.CI && `NOT TESTED: ${missing}`;

  test(`the ${name} receiver`, { skip }, async (t) => {
    if (missing !== null) assert.fail(missing);
    const world = await start(t, await createReceiver(t, program));
    const { receiver, secret } = world;

    await t.test('gets every body as it was signed, verified both ways', async () => {
      await receiver.start([secret]);
      for (const [what, json] of Object.entries(DATA)) {
        for (const { id: webhookId, type } of world.webhooks) {
          const id = await publish(world, type, json);
          await expectDelivered(world, webhookId, id);
          const text = await storedEvent(world, id);
          const [handled, ...more] = await receiver.untilLogged('handled', id);
          const sha256 = createHash('sha256').update(text).digest('hex');
          assert.deepEqual(more, []);
          assert.deepEqual([handled?.event_type, handled?.sha256], [type, sha256], what);
        }
      }
    });

    await t.test('refuses what is not signed by its sender with 401', async () => {
      const before = receiver.logged('queued').length;
      for (const [what, { path, body, headers }] of Object.entries(forgeries(secret))) {
        const response = await fetch(receiver.url + path, { method: 'POST', body, headers });
        assert.equal(response.status, 401, what);
        assert.equal((await response.text()).trim(), 'Invalid signature', what);
      }
      assert.equal(receiver.logged('queued').length, before);
    });

    await t.test('refuses what is signed and no event with 400', async () => {
      const before = receiver.logged('queued').length;
      for (const body of [
        '',
        'x',
        '{',
        '{}',
        '[]',
        'null',
        '5',
        '{"id":5,"type":"a"}',
        '{"id":""}',
      ]) {
        for (const { path, headers } of signatures(secret, body)) {
          const response = await fetch(receiver.url + path, { method: 'POST', body, headers });
          await response.text();
          assert.equal(response.status, 400, body);
        }
      }
      assert.equal(receiver.logged('queued').length, before);
    });

    await t.test('refuses a body of more than a megabyte with 413', async () => {
      const body = Buffer.alloc(1_048_577, ' ');
      const response = await fetch(`${receiver.url}/webhooks`, { method: 'POST', body });
      assert.equal(response.status, 413);
    });

    await t.test('handles an event once, however often it comes', async () => {
      for (const { id: webhookId, type } of world.webhooks) {
        const id = await publish(world, type);
        await receiver.untilLogged('handled', id);
        const delivery = await expectDelivered(world, webhookId, id);
        await redeliver(world, delivery);
        await receiver.untilLogged('duplicate', id);
        assert.equal((await receiver.untilLogged('handled', id)).length, 1);
      }
    });

    await t.test('knows after a kill what it has handled', async () => {
      const [{ id: webhookId, type } = { id: '', type: '' }] = world.webhooks;
      const id = await publish(world, type);
      await receiver.untilLogged('done', id);
      const delivery = await expectDelivered(world, webhookId, id);
      await receiver.kill();
      await receiver.start([secret]);
      await redeliver(world, delivery);
      await receiver.untilLogged('duplicate', id);
      assert.equal((await receiver.untilLogged('handled', id)).length, 1);
    });

    await t.test('loses nothing when it is killed between answer and work', async () => {
      await receiver.kill();
      await receiver.start([secret], { works: false });
      const answered: string[] = [];
      for (const { id: webhookId, type } of world.webhooks) {
        const id = await publish(world, type);
        await expectDelivered(world, webhookId, id);
        assert.deepEqual(handledOf(receiver, id), []);
        answered.push(id);
      }
      await receiver.kill();
      await receiver.start([secret]);
      for (const id of answered) {
        assert.equal((await receiver.untilLogged('handled', id)).length, 1);
      }
    });

    await t.test('is sent again what it failed to take', async () => {
      await receiver.kill();
      const sent: { webhookId: string; id: string }[] = [];
      for (const { id: webhookId, type } of world.webhooks) {
        const id = await publish(world, type);
        await untilDelivery(world, webhookId, id, wasTried);
        sent.push({ webhookId, id });
      }
      await receiver.start([secret]);
      for (const { webhookId, id } of sent) {
        const { attempt_count } = await expectDelivered(world, webhookId, id);
        assert.ok(attempt_count > 1);
        assert.equal((await receiver.untilLogged('handled', id)).length, 1);
      }
    });

    for (const outage of program.outages) {
      await t.test(`answers 503 while ${outage.what}, and loses nothing`, async () => {
        const giveBack = await receiver.takeQueue(outage);
        const sent: { webhookId: string; id: string }[] = [];
        try {
          for (const { id: webhookId, type } of world.webhooks) {
            const id = await publish(world, type);
            sent.push({ webhookId, id });
            const tried = await untilDelivery(world, webhookId, id, wasTried);
            assert.deepEqual([tried.status, tried.response_code], ['pending', 503]);
            await receiver.untilLogged('queue failed', id);
            assert.deepEqual(handledOf(receiver, id), []);
          }
        } finally {
          await giveBack();
        }
        // Nothing marked them as seen: the same requests as before are taken for new.
        for (const { webhookId, id } of sent) {
          await expectDelivered(world, webhookId, id);
          await receiver.untilLogged('done', id);
          assert.equal(handledOf(receiver, id).length, 1);
        }
      });
    }

    await t.test('tries again what its handler failed of, until it succeeds', async () => {
      receiver.failHandlers(true);
      const failed: string[] = [];
      for (const { id: webhookId, type } of world.webhooks) {
        const id = await publish(world, type);
        failed.push(id);
        await expectDelivered(world, webhookId, id);
      }
      for (const id of failed) {
        const [{ error = '' } = {}] = await receiver.untilLogged('failed', id, 2);
        assert.match(error, /as asked/);
        assert.deepEqual(handledOf(receiver, id), []);
      }
      receiver.failHandlers(false);
      for (const id of failed) {
        await receiver.untilLogged('done', id);
        assert.equal(handledOf(receiver, id).length, 1);
      }
    });

    await t.test('refuses no event while its secret is rotated', async () => {
      const rotated: string[] = [];
      for (const { id: webhookId, type } of world.webhooks) {
        const { api } = world;
        const answer = await api.call('POST', `/v1/webhooks/${webhookId}/secret/rotate`, 200);
        rotated.push(String(answer.secret));
        // The receiver knows the old one alone.
        await expectHandledAtOnce(world, webhookId, type);
      }
      await receiver.kill();
      await receiver.start([...rotated, secret]);
      for (const { id, type } of world.webhooks) await expectHandledAtOnce(world, id, type);
      await receiver.kill();
      await receiver.start(rotated);
      for (const { id, type } of world.webhooks) await expectHandledAtOnce(world, id, type);
    });
  });
}

async function start(t: TestContext, receiver: Receiver): Promise<World> {
  const server = await startServer(t, {
    mode: 'dev',
    dataDir: temporaryDirectory(t),
    environment: { POSTHORN_RETRY_SCHEDULE: `0s${',1s'.repeat(19)}` },
  });
  const key = await printedKey(server);
  const api = createApi(server.url, key);
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const webhooks = [];
  for (const { path, type } of WAYS) {
    const url = receiver.url + path;
    const { id } = await api.call('POST', '/v1/webhooks', 201, { url, events: [type], secret });
    webhooks.push({ id: String(id), type });
  }
  return { api, serverUrl: server.url, key, receiver, secret, webhooks };
}

/** Genuine ones, one for each way to verify. */
function signatures(secret: string, body: string) {
  const nowS = Math.floor(Date.now() / 1000);
  const documented = { 'x-webhook-signature': `sha256=${documentedDigest(secret, body)}` };
  return [
    { path: '/webhooks', headers: standardHeaders(secret, nowS, body) },
    { path: '/webhooks/documented', headers: documented },
  ] satisfies { path: string; headers: Record<string, string> }[];
}

function standardHeaders(secret: string, timestamp: number, body: string) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const content = `evt_forged.${timestamp}.${body}`;
  return {
    'webhook-id': 'evt_forged',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${createHmac('sha256', key).update(content).digest('base64')}`,
  };
}

function documentedDigest(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** Requests that look like the sender's and are not. */
function forgeries(secret: string) {
  const body = '{"id":"evt_forged","type":"user.created","data":{}}';
  const nowS = Math.floor(Date.now() / 1000);
  const standard = (timestamp: number) => standardHeaders(secret, timestamp, body);
  const documented = documentedDigest(secret, body);
  const [path, plain] = ['/webhooks', '/webhooks/documented'];
  const tampered = body.replace('forged', 'FORGED');
  const signature = (value: string) => ({ 'x-webhook-signature': value });
  return {
    'no header': { path, body, headers: {} },
    'another body': { path, body: tampered, headers: standard(nowS) },
    'an old time': { path, body, headers: standard(nowS - 600) },
    'a time to come': { path, body, headers: standard(nowS + 600) },
    'no version': { path, body, headers: { ...standard(nowS), 'webhook-signature': 'x' } },
    'an empty signature': {
      path,
      body,
      headers: { ...standard(nowS), 'webhook-signature': 'v1,' },
    },
    'text beyond ASCII': {
      path,
      body,
      headers: { ...standard(nowS), 'webhook-signature': 'v1,é' },
    },
    'the documented header alone': { path, body, headers: signature(`sha256=${documented}`) },
    'no header, plain': { path: plain, body, headers: {} },
    'another body, plain': {
      path: plain,
      body: tampered,
      headers: signature(`sha256=${documented}`),
    },
    'a truncated digest': {
      path: plain,
      body,
      headers: signature(`sha256=${documented.slice(1)}`),
    },
    'no prefix': { path: plain, body, headers: signature(documented) },
    'plain text beyond ASCII': { path: plain, body, headers: signature('sha256=é') },
  } satisfies Record<string, { path: string; body: string; headers: Record<string, string> }>;
}

async function publish({ serverUrl, key }: World, type: string, data = '{}'): Promise<string> {
  // As text: what is written here must not be parsed and written again on the way.
  const response = await fetch(`${serverUrl}/v1/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: `{"type":"${type}","data":${data}}`,
  });
  assert.equal(response.status, 202);
  return ((await response.json()) as { id: string }).id;
}

async function storedEvent({ serverUrl, key }: World, id: string): Promise<string> {
  const headers = { Authorization: `Bearer ${key}` };
  return (await fetch(`${serverUrl}/v1/events/${id}`, { headers })).text();
}

function untilDelivery(
  { api }: World,
  webhookId: string,
  eventId: string,
  fits: (delivery: Delivery) => boolean,
): Promise<Delivery> {
  return until(`the delivery of ${eventId} is as wanted`, async () => {
    const path = `/v1/webhooks/${webhookId}/deliveries?limit=100`;
    const { data } = (await api.call('GET', path, 200)) as unknown as { data: Delivery[] };
    return data.find((each) => each.event_id === eventId && fits(each));
  });
}

function wasTried({ attempt_count: count }: Delivery): boolean {
  return count > 0;
}

async function expectDelivered(world: World, webhookId: string, id: string): Promise<Delivery> {
  const ended = await untilDelivery(world, webhookId, id, ({ status }) => status !== 'pending');
  assert.deepEqual([ended.status, ended.response_code], ['delivered', 200]);
  return ended;
}

async function redeliver({ api }: World, { id }: Delivery): Promise<void> {
  await api.call('POST', `/v1/deliveries/${id}/redeliver`, 202);
}

/** Without a step of the schedule: the try with the other secret is not one. */
async function expectHandledAtOnce(world: World, webhookId: string, type: string): Promise<void> {
  const id = await publish(world, type);
  const { id: deliveryId } = await expectDelivered(world, webhookId, id);
  const { attempts } = await world.api.call('GET', `/v1/deliveries/${deliveryId}`, 200);
  assert.ok((attempts as { number: number }[]).every(({ number }) => number === 1));
  assert.equal((await world.receiver.untilLogged('handled', id)).length, 1);
}

function handledOf(receiver: Receiver, id: string) {
  return receiver.logged('handled').filter(({ event_id }) => event_id === id);
}
