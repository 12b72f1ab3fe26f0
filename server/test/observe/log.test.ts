import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { AttemptEnded, RequestAnswered } from '../../src/core/announcements.ts';
import { type LogLevel, startLog } from '../../src/observe/log.ts';
import {
  ATTEMPT_FIELDS,
  BUG_FIELDS,
  ERROR_FIELDS,
  FENCED_FIELDS,
  HEAD_FAILED_FIELDS,
  REQUEST_FIELDS,
  SETTLE_FAILED_FIELDS,
  UNHEARD_FIELDS,
  WEBHOOK_DISABLED_FIELDS,
} from '../../src/observe/log-fields.ts';
import { createAnnouncements } from '../../src/platform/announcements.ts';

const announcements = createAnnouncements();

const delivered: AttemptEnded = {
  accountId: 'acc_1',
  webhookId: 'wh_1',
  eventId: 'evt_1',
  eventType: 'user.created',
  deliveryId: 'del_1',
  trigger: 'schedule',
  waitMs: 3,
  attempt: {
    id: 'att_1',
    number: 2,
    startedAt: 1_700_000_000_000,
    responseCode: 200,
    responseTimeMs: 41,
    responseBody: 'body-canary',
    failure: null,
    note: null,
  },
  status: 'delivered',
};
const failed: AttemptEnded = {
  ...delivered,
  attempt: { ...delivered.attempt, responseCode: 500, failure: 'http_status' },
  status: 'pending',
};
const answered: RequestAnswered = {
  requestId: 'req_1',
  method: 'POST',
  route: '/v1/events',
  status: 202,
  durationMs: 1.2345,
  code: null,
};

test('an attempt is one line with exactly these members', (t) => {
  const lines = logged(t, 'debug', () => announcements.attempt.publish(delivered));
  assert.deepEqual(lines.map(withoutTime), [
    {
      level: 20,
      account: 'acc_1',
      webhook: 'wh_1',
      event: 'evt_1',
      event_type: 'user.created',
      delivery: 'del_1',
      trigger: 'schedule',
      attempt: 2,
      status: 'delivered',
      wait_ms: 3,
      response_code: 200,
      response_time_ms: 41,
      failure: null,
      note: null,
      msg: 'attempt',
    },
  ]);
  assert.deepEqual(membersOf(lines[0]), [...ATTEMPT_FIELDS]);
});

test('a request is one line with exactly these members', (t) => {
  const lines = logged(t, 'debug', () => announcements.request.publish(answered));
  assert.deepEqual(lines.map(withoutTime), [
    {
      level: 20,
      request_id: 'req_1',
      method: 'POST',
      route: '/v1/events',
      status: 202,
      duration_ms: 1.2,
      code: null,
      msg: 'request',
    },
  ]);
  assert.deepEqual(membersOf(lines[0]), [...REQUEST_FIELDS]);
});

const heard: readonly [level: LogLevel, messages: readonly string[]][] = [
  ['debug', ['attempt ok', 'attempt http_status', 'request 202', 'request 404', 'request 503']],
  ['info', ['attempt http_status', 'request 503']],
  ['warn', ['request 503']],
  ['error', []],
  ['silent', []],
];
for (const [level, messages] of heard) {
  test(`at ${level} the log has ${messages.join(', ') || 'none of these'}`, (t) => {
    const lines = logged(t, level, () => {
      announcements.attempt.publish(delivered);
      announcements.attempt.publish(failed);
      for (const status of [202, 404, 503]) announcements.request.publish({ ...answered, status });
    });
    const said = lines.map(
      ({ msg, failure, status }) => `${msg} ${msg === 'attempt' ? (failure ?? 'ok') : status}`,
    );
    assert.deepEqual(said, messages);
  });
}

test('the body of a response is in no line', (t) => {
  const lines = logged(t, 'debug', () => announcements.attempt.publish(failed));
  assert.ok(!JSON.stringify(lines).includes('body-canary'));
});

test('an error shows its name, code, message, stack and cause, and nothing else that hangs on it', (t) => {
  const cause = Object.assign(new TypeError('Invalid URL'), {
    code: 'ERR_INVALID_URL',
    input: 'https://url-canary.example/?token=url-canary',
  });
  const error = Object.assign(new Error('could not', { cause }), { body: 'url-canary' });
  const lines = logged(t, 'error', () => announcements.bug.publish({ where: 'POST', error }));
  assert.equal(lines.length, 1);
  assert.deepEqual(membersOf(lines[0]), [...BUG_FIELDS]);
  const said = lines[0]?.error as { cause: object } | undefined;
  assert.deepEqual(Object.keys(said ?? {}), ['name', 'message', 'stack', 'cause']);
  assert.deepEqual(Object.keys(said?.cause ?? {}), ERROR_FIELDS.slice(0, 4));
  assert.ok(!JSON.stringify(lines).includes('url-canary'));
});

test('what is thrown but is no error is not written', (t) => {
  const lines = logged(t, 'error', () =>
    announcements.bug.publish({ where: 'GET', error: 'secret-canary' }),
  );
  assert.deepEqual(lines[0]?.error, { message: 'not an error but of type string' });
});

test('a settlement that failed is one warning', (t) => {
  const lines = logged(t, 'warn', () =>
    announcements.settleFailed.publish({ waiting: 7, error: new Error('disk is full') }),
  );
  assert.deepEqual(membersOf(lines[0]), [...SETTLE_FAILED_FIELDS]);
  assert.equal(lines[0]?.level, 40);
});

test('what the engine found out about a webhook is one line with exactly these members', (t) => {
  const webhook = { accountId: 'acc_1', webhookId: 'wh_1' };
  const lines = logged(t, 'warn', () => {
    announcements.webhookDisabled.publish({ ...webhook, reason: 'gone' });
    announcements.headFailed.publish({ ...webhook, deliveryId: 'del_1' });
    announcements.unheard.publish({ ...webhook, dueAt: 1_700_000_000_000 });
    announcements.fenced.publish({ ...webhook, deliveryId: 'del_1', number: 2 });
  });
  const of = { account: 'acc_1', webhook: 'wh_1' };
  assert.deepEqual(lines.map(withoutTime), [
    { level: 40, ...of, reason: 'gone', msg: 'webhook disabled' },
    { level: 40, ...of, delivery: 'del_1', msg: 'head failed' },
    { level: 50, ...of, due_at: '2023-11-14T22:13:20.000Z', msg: 'unheard' },
    { level: 40, ...of, delivery: 'del_1', attempt: 2, msg: 'fenced' },
  ]);
  assert.deepEqual(lines.map(membersOf), [
    [...WEBHOOK_DISABLED_FIELDS],
    [...HEAD_FAILED_FIELDS],
    [...UNHEARD_FIELDS],
    [...FENCED_FIELDS],
  ]);
});

test('strings from outside cannot break a line or begin another', (t) => {
  const hostile = 'a"}\n{"level":60,"msg":"forged"}\r\u2028\u0000\u001b[31m';
  const lines = logged(t, 'debug', () => {
    announcements.attempt.publish({ ...delivered, eventType: hostile });
    announcements.request.publish({ ...answered, method: hostile });
  });
  assert.deepEqual(
    lines.map(({ msg, event_type, method }) => [msg, event_type ?? method]),
    [
      ['attempt', hostile],
      ['request', hostile],
    ],
  );
});

test('a log that was stopped hears nothing more', (t) => {
  const text: string[] = [];
  const stop = startLog({ level: 'debug' }, { write: (line) => void text.push(line) });
  t.after(stop);
  announcements.request.publish(answered);
  stop();
  announcements.request.publish(answered);
  assert.equal(text.length, 1);
});

test('docs/metrics.md names the members of every line', () => {
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  const documented = (kind: string) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${kind}\` | \``)) ?? '';
    const cell = row.replace(/\([^)]*\)/g, '').split('|')[2] ?? '';
    return [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  };
  assert.deepEqual(documented('attempt'), [...ATTEMPT_FIELDS]);
  assert.deepEqual(documented('request'), [...REQUEST_FIELDS]);
  assert.deepEqual(documented('settle failed'), [...SETTLE_FAILED_FIELDS]);
  assert.deepEqual(documented('webhook disabled'), [...WEBHOOK_DISABLED_FIELDS]);
  assert.deepEqual(documented('head failed'), [...HEAD_FAILED_FIELDS]);
  assert.deepEqual(documented('unheard'), [...UNHEARD_FIELDS]);
  assert.deepEqual(documented('fenced'), [...FENCED_FIELDS]);
  assert.deepEqual(documented('bug'), [...BUG_FIELDS]);
  const error = page.split('\n').find((line) => line.startsWith('`error` has')) ?? '';
  assert.deepEqual(
    [...error.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    ['error', ...ERROR_FIELDS],
  );
});

type LoggedLine = Record<string, unknown>;

/** What is written while the work runs, line by line. */
function logged(t: TestContext, level: LogLevel, work: () => void): LoggedLine[] {
  let text = '';
  const stop = startLog(
    { level },
    {
      write(more) {
        text += more;
      },
    },
  );
  t.after(stop);
  work();
  stop();
  const lines = text.split('\n');
  assert.equal(lines.pop(), '');
  return lines.map((line) => JSON.parse(line));
}

/** The line's own members; those that every line has are checked here. */
function membersOf(line: LoggedLine | undefined): string[] {
  const { level, time, msg, ...own } = line ?? {};
  assert.equal(typeof level, 'number');
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(typeof msg, 'string');
  return Object.keys(own);
}

function withoutTime({ time: _time, ...line }: LoggedLine): LoggedLine {
  return line;
}
