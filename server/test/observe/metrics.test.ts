import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, test } from 'node:test';
import { METRIC_PREFIX, METRICS } from '../../src/observe/metric-definitions.ts';
import { createWebhook, expectStatus } from '../support/api.ts';
import { refusingUrl, startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';
import { type Metrics, parse, scrape } from './support/metrics-text.ts';

/** One for the whole file: the values that each test adds are exact. */
const server = await startTestServer(
  { after },
  { retryScheduleMs: [0, 10], attemptTimeoutMs: 300 },
);

test('at first every counter is zero', async () => {
  const metrics = await scrape(server);
  assert.equal(metrics.value('attempts_total{outcome="delivered",trigger="schedule"}'), 0);
  assert.equal(metrics.value('attempts_total{outcome="timeout",trigger="test"}'), 0);
  assert.equal(metrics.value('store_events_total'), 0);
  assert.equal(metrics.value('bugs_total'), 0);
  assert.equal(metrics.value('scrape_incomplete'), 0);
});

test('what is published and delivered is counted, exactly', async (t) => {
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  const before = await scrape(server);
  for (const id of [1, 2, 3]) expectStatus(202, await publish({ id }));
  const events = [4, 5].map((id) => ({ type: 'user.created', data: { id } }));
  expectStatus(202, await server.request('POST', '/v1/events', { events }));
  const metrics = await whenAttempts(5);

  const grown = growth(before, metrics);
  assert.deepEqual(
    {
      attempts: grown('attempts_total{outcome="delivered",trigger="schedule"}'),
      ended: grown('deliveries_ended_total{status="delivered"}'),
      responses: grown('attempt_response_seconds_count'),
      waits: grown('attempt_wait_seconds_bucket{le="+Inf"}'),
      settled: grown('settle_attempts_sum'),
      events: grown('store_events_total'),
      deliveries: grown('store_deliveries_total'),
    },
    { attempts: 5, ended: 5, responses: 5, waits: 5, settled: 5, events: 5, deliveries: 5 },
  );
  const published = 'http_request_seconds_count{method="POST",route="/v1/events",status="2xx"}';
  assert.equal(metrics.value(published), 4);
  await remove(webhook.id);
});

test('what fails is counted by its code, until it is given up', async (t) => {
  const receiver = await startReceiver(t, { otherwise: { status: 500 } });
  const before = await scrape(server);
  const failing = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  const refusing = await createWebhook(server, {
    url: await refusingUrl(t),
    events: ['user.created'],
  });
  expectStatus(202, await publish({ id: 6 }));
  const grown = growth(before, await whenAttempts(9));
  assert.deepEqual(
    [
      grown('attempts_total{outcome="http_status",trigger="schedule"}'),
      grown('attempts_total{outcome="connection_refused",trigger="schedule"}'),
      grown('deliveries_ended_total{status="failed"}'),
      grown('deliveries_ended_total{status="delivered"}'),
      grown('attempt_response_seconds_count'),
    ],
    [2, 2, 2, 0, 2],
  );
  await remove(failing.id);
  await remove(refusing.id);
});

test('a test call is counted as one, has no wait, and its request takes as long', async (t) => {
  const receiver = await startReceiver(t, { otherwise: { kind: 'hang' } });
  const webhook = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  const before = await scrape(server);
  expectStatus(200, await server.request('POST', `/v1/webhooks/${webhook.id}/test`));
  const grown = growth(before, await whenAttempts(10));
  assert.equal(grown('attempts_total{outcome="timeout",trigger="test"}'), 1);
  assert.equal(grown('attempt_wait_seconds_count'), 0);
  const route = '{method="POST",route="/v1/webhooks/:id/test",status="2xx"}';
  const { value } = await whenAttempts(10);
  assert.equal(value(`http_request_seconds_count${route}`), 1);
  assert.ok(value(`http_request_seconds_sum${route}`) >= 0.3);
  await remove(webhook.id);
});

test('every committed transaction is counted with its calls and its sync', async () => {
  const metrics = await scrape(server);
  const committed = metrics.value('store_transactions_total{outcome="committed"}');
  assert.ok(committed > 0);
  assert.equal(metrics.value('store_transaction_calls_count'), committed);
  assert.equal(metrics.value('store_transaction_seconds_count'), committed);
  assert.equal(metrics.value('store_sync_seconds_count'), committed);
  assert.ok(metrics.value('store_transaction_calls_sum') >= committed);
  const inAll = metrics.value('store_transaction_seconds_sum');
  assert.ok(inAll > metrics.value('store_sync_seconds_sum'));
});

test('what is in progress shows, and is gone when it has ended', async (t) => {
  const receiver = await startReceiver(t, { otherwise: { kind: 'hang' } });
  const webhook = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  const tested = server.request('POST', `/v1/webhooks/${webhook.id}/test`);
  await receiver.next();
  const during = await scrape(server);
  assert.equal(during.value('engine_in_flight'), 1);
  assert.equal(during.value('http_requests_in_progress'), 1);
  expectStatus(200, await tested);
  await until('nothing is in progress', async () => {
    const { value } = await scrape(server);
    return value('engine_in_flight') + value('http_requests_in_progress') === 0;
  });
  await remove(webhook.id);
});

test('requests are told apart by method, route and class of status, never by what they name', async () => {
  const before = await scrape(server);
  expectStatus(400, await server.request('GET', '/v1/webhooks/wh_hush?token=hush'));
  expectStatus(404, await server.request('GET', '/nothing/hush-hush'));
  const missing = 'http_request_seconds_count{method="any",route="(none)",status="4xx"}';
  const metrics = await until('both are counted', async () => {
    const now = await scrape(server);
    return now.text.includes(missing) ? now : undefined;
  });
  assert.equal(metrics.value(missing), 1);
  const bad = 'http_request_seconds_count{method="GET",route="/v1/webhooks/:id",status="4xx"}';
  assert.equal(metrics.value(bad), 1);
  assert.ok(!metrics.text.includes('hush'));
  assert.ok(
    metrics.value('process_cpu_seconds_total') >= before.value('process_cpu_seconds_total'),
  );
});

test('a caller that goes away before its answer is not counted as answered well', async (t) => {
  const receiver = await startReceiver(t, { otherwise: { kind: 'hang' } });
  const webhook = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  const call = request(`${server.url}/v1/webhooks/${webhook.id}/test`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${server.key}` },
  });
  const ended = once(call, 'error');
  call.end();
  await receiver.next();
  call.destroy();
  await ended;
  const gone =
    'http_request_seconds_count{method="POST",route="/v1/webhooks/:id/test",status="4xx"}';
  await until('it is counted', async () => (await scrape(server)).text.includes(`${gone} 1`));
  await remove(webhook.id);
});

test('the text is valid, says everything once, and has every metric of the table', async () => {
  const { text, contentType } = await scrape(server);
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
  const { help, type } = parse(text);
  const named = Object.entries(METRICS).map(([name, metric]) => [
    METRIC_PREFIX + name,
    metric.type,
  ]);
  assert.deepEqual([...type].sort(), named.sort());
  assert.deepEqual([...help.keys()].sort(), [...type.keys()].sort());
});

test('every label and its values are those of the table', async () => {
  const { text } = await scrape(server);
  for (const [name, metric] of Object.entries(METRICS)) {
    const labels: Readonly<Record<string, readonly string[] | string>> =
      'labels' in metric ? metric.labels : {};
    const lines = text.matchAll(new RegExp(`^posthorn_${name}(?:_\\w+)?\\{(.*)\\} `, 'gm'));
    for (const [, given = ''] of lines) {
      for (const [, label = '', value = ''] of given.matchAll(/(\w+)="([^"]*)"/g)) {
        if (label === 'le') continue;
        const values = labels[label];
        assert.ok(values !== undefined, `${name} has a label ${label}`);
        if (typeof values !== 'string') assert.ok(values.includes(value), `${name}: ${value}`);
      }
    }
  }
});

test('metrics are answered without a key, and not under other methods', async () => {
  assert.equal((await fetch(`${server.url}/metrics`)).status, 200);
  assert.equal((await fetch(`${server.url}/metrics`, { method: 'POST' })).status, 404);
});

function publish(data: Record<string, unknown>) {
  return server.request('POST', '/v1/events', { type: 'user.created', data });
}

async function remove(webhookId: string): Promise<void> {
  expectStatus(204, await server.request('DELETE', `/v1/webhooks/${webhookId}`));
}

/** When so many attempts, of whatever outcome, are counted since the server started. */
function whenAttempts(count: number): Promise<Metrics> {
  return until(`${count} attempts are counted`, async () => {
    const metrics = await scrape(server);
    const attempts = [...parse(metrics.text).samples]
      .filter(([series]) => series.startsWith('posthorn_attempts_total{'))
      .reduce((sum, [, value]) => sum + value, 0);
    return attempts === count ? metrics : undefined;
  });
}

function growth(before: Metrics, now: Metrics): (series: string) => number {
  return (series) => now.value(series) - before.value(series);
}
