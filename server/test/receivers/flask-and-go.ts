import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import {
  type AcceptedBody,
  createWebhook,
  endedDelivery,
  expectStatus,
  publish,
  type WebhookBody,
} from '../support/api.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import { RunningProcess } from '../system/support/child-process.ts';

/** A receiver that is a program in another language. */
export interface ReceiverProgram {
  /** As it stands in the tests' names: `Flask`. */
  name: string;
  /** What has to be installed first, and how; null when it can run. */
  missing: string | null;
  /** How it is started; prepares it where that is needed. */
  command(): { command: string; args: readonly string[] };
}

/** What the receiver itself made of a request. */
interface Verdict {
  genuine: boolean;
  attempt: string;
  bytes: number;
  sha256: string;
  /** Read from the body; null when it is not genuine. */
  event_id: string | null;
}

interface RunningReceiver {
  url: string;
  verdicts(): Promise<Verdict[]>;
}

/** The documentation's own. */
const SECRET = 'your_webhook_secret';
const DOCUMENTED_BODY_BYTES_MAX = 102_400;

/** As publishers write them, in JSON text; each is what some way to verify stumbles over. */
const DATA: Readonly<Record<string, string>> = {
  'no data': '{}',
  'text beyond ASCII': String.raw`{"Straße":"Jörg","city":"東京","rtl":"שלום","parts":"e\u0301"}`,
  emoji: String.raw`{"🔑":"🦊","escaped":"\ud83e\udd8a","family":"👩\u200d👧","flag":"🇪🇺"}`,
  floats: '{"n":[0.1,1.0,1.10,-0,-0.0,1e21,1E+2,1e-7,5e-324,3.141592653589793,0.000001]}',
  'integers at the edge': '{"n":[9007199254740991,-9007199254740991,0,1000000000000000]}',
  'keys like integers': '{"b":1,"10":"ten","9":"nine","01":"text","-1":"text","1.5":"text","a":2}',
  'keys in no order': '{"z":1,"a":{"y":2,"b":[{"x":3,"c":4}]},"Z":5,"":6,"_":7}',
  escapes: String.raw`{"s":"\u0000\u001f\u007f\"\\\/\b\f\n\r\t\u2028\u2029\ufeff\u00e9"}`,
  'text that others escape': `{"html":"<b>&amp;'</b>","form":"a+b=c&d=%20;e","path":"/"}`,
  'white space': ' {\r\n\t"a" : [ 1 , 2 ] ,\n "b" : { } , "c" : "  kept  " } ',
  nesting: `{"deep":${'['.repeat(60)}${']'.repeat(60)}}`,
};

/** The same for every language. */
export function testReceiver(program: ReceiverProgram): void {
  const { name, missing } = program;
  // A laptop may lack it; in CI a test that does not run would be a hole nobody sees.
  const skip = missing !== null && !process.env.CI && `NOT TESTED: ${missing}`;

  for (const [what, json] of Object.entries(DATA)) {
    test(`a ${name} receiver verifies ${what}`, { skip }, async (t) => {
      const server = await startTestServer(t);
      const receiver = await startReceiver(t, program);
      const webhook = await createWebhook(server, { url: receiver.url, secret: SECRET });
      const { id } = await publishText(server, json);
      await expectDelivered(server, webhook);
      const sent = await storedEvent(server, id);
      assert.deepEqual(await receiver.verdicts(), [genuine(sent, { id, attempt: '1' })]);
      // Normalising `-0` to `0` is lossless, but not in the eyes of `deepStrictEqual`.
      assert.deepEqual(JSON.parse(sent).data, JSON.parse(JSON.stringify(JSON.parse(json))));
    });
  }

  test(`a ${name} receiver verifies the largest body that is sent`, { skip }, async (t) => {
    const server = await startTestServer(t);
    const receiver = await startReceiver(t, program);
    const empty = await storedEvent(server, (await publish(server, { fill: '' })).id);
    const webhook = await createWebhook(server, { url: receiver.url, secret: SECRET });
    const { id } = await publish(server, {
      fill: textOf(DOCUMENTED_BODY_BYTES_MAX - Buffer.byteLength(empty)),
    });
    await expectDelivered(server, webhook);
    const [verdict] = await receiver.verdicts();
    assert.deepEqual(verdict, genuine(await storedEvent(server, id), { id, attempt: '1' }));
    assert.equal(verdict?.bytes, DOCUMENTED_BODY_BYTES_MAX);
  });

  test(`a ${name} receiver verifies with a secret that Posthorn made`, { skip }, async (t) => {
    const server = await startTestServer(t);
    const { id: webhookId, secret = '' } = await createWebhook(server, {
      url: 'http://127.0.0.1:9/',
    });
    assert.ok(secret.startsWith('whsec_'));
    const receiver = await startReceiver(t, program, { secret });
    const path = `/v1/webhooks/${webhookId}`;
    const patched = await server.request<WebhookBody>('PATCH', path, { url: receiver.url });
    const { id } = await publish(server);
    await expectDelivered(server, expectStatus(200, patched));
    const sent = await storedEvent(server, id);
    assert.deepEqual(await receiver.verdicts(), [genuine(sent, { id, attempt: '1' })]);
  });

  test(`a ${name} receiver that fails is sent the same bytes again`, { skip }, async (t) => {
    const server = await startTestServer(t, { retryScheduleMs: [0, 1] });
    const receiver = await startReceiver(t, program, { failFirst: 1 });
    const webhook = await createWebhook(server, { url: receiver.url, secret: SECRET });
    const { id } = await publishText(server, '{"10":1.50,"9":"\\u00e9 🦊","a":-0}');
    const { attempts, status } = await endedDelivery(server, webhook.id);
    assert.equal(status, 'delivered');
    assert.deepEqual(codesByNumber(attempts), { 1: 500, 2: 200 });
    const sent = await storedEvent(server, id);
    assert.deepEqual(await receiver.verdicts(), [
      genuine(sent, { id, attempt: '1' }),
      genuine(sent, { id, attempt: '2' }),
    ]);
  });

  test(`a ${name} receiver with another secret is logged with its 401`, { skip }, async (t) => {
    const server = await startTestServer(t, { retryScheduleMs: [0] });
    const receiver = await startReceiver(t, program, { secret: 'some_other_secret_of_ours' });
    const webhook = await createWebhook(server, { url: receiver.url, secret: SECRET });
    const { id } = await publish(server);
    const { status, response_code, attempts } = await endedDelivery(server, webhook.id);
    assert.deepEqual({ status, response_code }, { status: 'failed', response_code: 401 });
    assert.deepEqual(codesByNumber(attempts), { 1: 401 });
    assert.equal(attempts[0]?.response_body?.trim(), 'Invalid signature');
    const sent = genuine(await storedEvent(server, id), { id, attempt: '1' });
    assert.deepEqual(await receiver.verdicts(), [{ ...sent, genuine: false, event_id: null }]);
  });
}

async function startReceiver(
  t: TestContext,
  program: ReceiverProgram,
  { secret = SECRET, failFirst = 0 }: { secret?: string; failFirst?: number } = {},
): Promise<RunningReceiver> {
  if (program.missing !== null) throw new Error(program.missing);
  const launched = new RunningProcess({
    ...program.command(),
    environment: { ...process.env, WEBHOOK_SECRET: secret, FAIL_FIRST: String(failFirst) },
  });
  t.after(async () => {
    launched.kill('SIGKILL');
    await launched.end();
  });
  const [, url = ''] = await launched.output(/^listening on (http:\S+)$/m);
  return {
    url: `${url}/webhooks`,
    async verdicts() {
      const response = await fetch(`${url}/verdicts`);
      assert.equal(response.status, 200, launched.stderr);
      return (await response.json()) as Verdict[];
    },
  };
}

/** What a receiver says about exactly these bytes when the signature is right. */
function genuine(sent: string, { id, attempt }: { id: string; attempt: string }): Verdict {
  const bytes = Buffer.from(sent);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { genuine: true, attempt, bytes: bytes.length, sha256, event_id: id };
}

async function publishText(server: TestServer, data: string): Promise<AcceptedBody> {
  const text = `{"type":"user.created","data":${data}}`;
  return expectStatus(202, await server.request<AcceptedBody>('POST', '/v1/events', text));
}

/** The event as it is stored, which is what every attempt sends. */
async function storedEvent(server: TestServer, id: string): Promise<string> {
  const answer = await server.request('GET', `/v1/events/${id}`);
  expectStatus(200, answer);
  return answer.text;
}

async function expectDelivered(server: TestServer, webhook: WebhookBody): Promise<void> {
  const { status, response_code } = await endedDelivery(server, webhook.id);
  assert.deepEqual({ status, response_code }, { status: 'delivered', response_code: 200 });
}

function codesByNumber(
  attempts: readonly { number: number; response_code: number | null }[],
): Record<number, number | null> {
  return Object.fromEntries(attempts.map(({ number, response_code }) => [number, response_code]));
}

/** So many bytes in UTF-8, most of them in characters of more than one. */
function textOf(bytes: number): string {
  return '🦊'.repeat(bytes / 4) + 'x'.repeat(bytes % 4);
}
