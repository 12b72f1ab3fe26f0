import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createWebhook, type ProblemBody } from '../support/api.ts';
import { startTestServer } from '../support/start-test-server.ts';

const server = await startTestServer({ after });
const { id } = await createWebhook(server, { url: 'https://example.com/webhooks' });
const WEBHOOK = `/v1/webhooks/${id}`;
const NOBODY = '0000000000000000000000AB';
const URL_CHARS_MAX = 2_048;
const DAY_S = 86_400;

const refused: readonly [
  what: string,
  method: string,
  path: string,
  /** Text is sent as it is. */
  body: unknown,
  status: number,
  code: string,
  /** Where the first fault is and its code; undefined where the whole request is meant. */
  pointer?: string | undefined,
  fault?: string | undefined,
][] = [
  ...body('malformed JSON', '{"url": }', 400, 'malformed_json'),
  ...body('JSON that ends too early', '{"url": "https://exam', 400, 'malformed_json'),
  ...body('text after the JSON', '{} {}', 400, 'malformed_json'),
  ...body('a body in single quotes', "{'url': 1}", 400, 'malformed_json'),
  ...body('a comma too many', '{"url": "x",}', 400, 'malformed_json'),
  ...body('NaN', '{"url": NaN}', 400, 'malformed_json'),
  ...body('a byte order mark', '\uFEFF{}', 400, 'malformed_json'),
  ...body('an empty body', '', 400, 'malformed_json'),
  ...body('an array as body', '[]', 422, 'invalid_request', '', 'wrong_type'),
  ...body('null as body', 'null', 422, 'invalid_request', '', 'wrong_type'),
  ...body('a text as body', '"x"', 422, 'invalid_request', '', 'wrong_type'),

  ...member('a url that is a number', { url: 5 }, '/url', 'wrong_type'),
  ...member('a url that is null', { url: null }, '/url', 'wrong_type'),
  ...member('no url', { url: undefined }, '/url', 'missing_member'),
  ...member('events that are text', { events: 'user.created' }, '/events', 'wrong_type'),
  ...member('an event that is a number', { events: ['*', 5] }, '/events/1', 'wrong_type'),
  ...member('no events', { events: undefined }, '/events', 'missing_member'),
  ...member('empty events', { events: [] }, '/events', 'too_few'),
  ...member('an event twice', { events: ['*', '*'] }, '/events', 'duplicate_item'),
  ...member('101 events', { events: Array(101).fill('*') }, '/events', 'too_many'),
  ...member('a secret that is a number', { secret: 5 }, '/secret', 'wrong_type'),
  ...member('a secret that is null', { secret: null }, '/secret', 'wrong_type'),
  ...member('a description that is an object', { description: {} }, '/description', 'wrong_type'),
  ...member(
    'a description of 501 characters',
    { description: 'x'.repeat(501) },
    '/description',
    'too_long',
  ),
  ...member('an unknown member', { color: 'red' }, '/color', 'unknown_member'),
  ...member('a status at creation', { status: 'active' }, '/status', 'unknown_member'),
  ...member('an unknown member with / and ~', { 'a/b~c': 1 }, '/a~1b~0c', 'unknown_member'),

  ...url('empty', '', 'too_short'),
  ...url('without a scheme', 'example.com/webhooks', 'invalid_url'),
  ...url('a path', '/webhooks', 'invalid_url'),
  ...url('with a space', 'https://example.com/a b', 'invalid_url'),
  ...url('with a line end', 'https://example.com/\n', 'invalid_url'),
  ...url('without a host', 'https://', 'invalid_url'),
  ...url('with a port that is none', 'https://example.com:65536/', 'invalid_url'),
  ...url('with port 0', 'https://example.com:0/', 'port_not_allowed'),
  ...url('with a user name and password', 'https://me:pw@example.com/', 'credentials_not_allowed'),
  ...url('with a user name', 'https://me@example.com/', 'credentials_not_allowed'),
  ...url('of the scheme ftp', 'ftp://example.com/', 'scheme_not_allowed'),
  ...url('of the scheme file', 'file:///etc/passwd', 'scheme_not_allowed'),
  ...url('of the scheme javascript', 'javascript:alert(1)', 'scheme_not_allowed'),
  ...url('of the scheme ws', 'ws://example.com/', 'scheme_not_allowed'),
  ...url('with a fragment', 'https://example.com/#part', 'fragment_not_allowed'),
  ...url('with an empty fragment', 'https://example.com/#', 'fragment_not_allowed'),
  ...url('of 2,049 characters', urlOf(URL_CHARS_MAX + 1), 'too_long'),
  ...url('at a private address', 'http://10.0.0.1/', 'address_not_allowed'),
  ...url('at the metadata address', 'http://169.254.169.254/', 'address_not_allowed'),
  ...url('at an address in another spelling', 'http://0x0a000001/', 'address_not_allowed'),
  ...url('at a mapped private address', 'http://[::ffff:10.0.0.1]/', 'address_not_allowed'),
  ...url('with an empty label', 'https://example..com/', 'invalid_host'),

  ...secret('of 15 characters', 'x'.repeat(15)),
  ...secret('of 257 characters', 'x'.repeat(257)),
  ...secret('that is empty', ''),
  ...secret('with a space', 'your webhook secret'),
  ...secret('with a line end', 'your_webhook_secret\n'),
  ...secret('beyond ASCII', 'your_wébhook_secret'),
  ...secret('whsec_ of 23 bytes', whsec(23)),
  ...secret('whsec_ of 65 bytes', whsec(65)),
  ...secret('whsec_ without base64', 'whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!'),
  ...secret('whsec_ in base64url', `whsec_${'-_'.repeat(16)}`),
  ...secret('whsec_ without padding', whsec(25).replace(/=+$/, '')),

  ...patch('an unknown status', { status: 'on' }, '/status', 'not_allowed'),
  ...patch('a status that is true', { status: true }, '/status', 'not_allowed'),
  ...patch(
    'a url with credentials',
    { url: 'https://a:b@c.de/' },
    '/url',
    'credentials_not_allowed',
  ),
  ...patch('empty events', { events: [] }, '/events', 'too_few'),
  ...patch('a short secret', { secret: 'short' }, '/secret', 'invalid_secret'),
  ...patch('an id', { id: 'wh_1' }, '/id', 'unknown_member'),
  ...patch('a misspelt member', { event: ['*'] }, '/event', 'unknown_member'),
  [
    'a patch with an unknown type',
    'PATCH',
    WEBHOOK,
    { events: ['user.made'] },
    422,
    'unknown_event_type',
    '/events/0',
    'unknown_event_type',
  ],

  ...setting('an unknown ordering', { ordering: 'fifo' }, '/ordering', 'not_allowed'),
  ...setting('an ordering that is true', { ordering: true }, '/ordering', 'not_allowed'),
  ...setting('an unknown answer to 410', { on_gone: 'delete' }, '/on_gone', 'not_allowed'),
  ...setting('a rate limit that is a number', { rate_limit: 5 }, '/rate_limit', 'wrong_type'),
  ...setting(
    'a rate limit without max',
    rate({ max: undefined }),
    '/rate_limit/max',
    'missing_member',
  ),
  ...setting(
    'a rate limit without per',
    rate({ per: undefined }),
    '/rate_limit/per',
    'missing_member',
  ),
  ...setting('a rate limit of 0', rate({ max: 0 }), '/rate_limit/max', 'out_of_bounds'),
  ...setting('a rate limit of 10,001', rate({ max: 10_001 }), '/rate_limit/max', 'out_of_bounds'),
  ...setting('a rate limit of 1.5', rate({ max: 1.5 }), '/rate_limit/max', 'wrong_type'),
  ...setting('a rate limit per 999 ms', rate({ per: '999ms' }), '/rate_limit/per', 'out_of_bounds'),
  ...setting('a rate limit per 61 min', rate({ per: '61m' }), '/rate_limit/per', 'out_of_bounds'),
  ...setting('a rate limit per true', rate({ per: true }), '/rate_limit/per', 'wrong_type'),
  ...setting('a rate limit per 1.5', rate({ per: 1.5 }), '/rate_limit/per', 'wrong_type'),
  ...setting('a rate limit per "1"', rate({ per: '1' }), '/rate_limit/per', 'invalid_duration'),
  ...setting('a rate limit with more', rate({ window: 1 }), '/rate_limit/window', 'unknown_member'),
  ...setting('a concurrency of 0', { concurrency_max: 0 }, '/concurrency_max', 'out_of_bounds'),
  ...setting(
    'a concurrency of 1,025',
    { concurrency_max: 1_025 },
    '/concurrency_max',
    'out_of_bounds',
  ),
  ...setting('a concurrency in text', { concurrency_max: '5' }, '/concurrency_max', 'wrong_type'),
  ...setting('an empty schedule', { retry_schedule: [] }, '/retry_schedule', 'too_few'),
  ...setting('21 attempts', { retry_schedule: Array(21).fill(0) }, '/retry_schedule', 'too_many'),
  ...setting('a schedule in text', { retry_schedule: '0s,1m' }, '/retry_schedule', 'wrong_type'),
  ...setting('a wait of null', { retry_schedule: [0, null] }, '/retry_schedule/1', 'wrong_type'),
  ...setting(
    'a wait of 31 days',
    { retry_schedule: [0, '31d'] },
    '/retry_schedule/1',
    'out_of_bounds',
  ),
  ...setting(
    'a wait without unit',
    { retry_schedule: ['60'] },
    '/retry_schedule/0',
    'invalid_duration',
  ),
  ...setting('a hold of its own', { held_until: null }, '/held_until', 'unknown_member'),

  ...rotation('a short secret', { secret: 'short' }, '/secret', 'invalid_secret'),
  ...rotation('a secret that is null', { secret: null }, '/secret', 'wrong_type'),
  ...rotation('an overlap of 8 days', { overlap: '8d' }, '/overlap', 'out_of_bounds'),
  ...rotation('an overlap below 0', { overlap: -1 }, '/overlap', 'invalid_duration'),
  ...rotation('an overlap in words', { overlap: 'a day' }, '/overlap', 'invalid_duration'),
  ...rotation('a misspelt member', { overlapp: '1d' }, '/overlapp', 'unknown_member'),

  ...recovery('no since', {}, '/since', 'missing_member'),
  ...recovery('a since that is a number', { since: 5 }, '/since', 'wrong_type'),
  ...recovery('a since that is no time', { since: 'yesterday' }, '/since', 'invalid_time'),
  ...recovery('a since without zone', { since: '2026-11-24T00:00:00' }, '/since', 'invalid_time'),
  ...recovery('a since in the future', { since: timeIn(60) }, '/since', 'out_of_bounds'),
  ...recovery('a since 91 days ago', { since: timeIn(-91 * DAY_S) }, '/since', 'out_of_bounds'),
  ...recovery(
    'an until that is before since',
    { since: timeIn(-60), until: timeIn(-61) },
    '/since',
    'out_of_bounds',
  ),
  ...recovery(
    'an until that is no time',
    { since: timeIn(-60), until: '' },
    '/until',
    'invalid_time',
  ),
  ...recovery('a type', { since: timeIn(-60), type: 'x' }, '/type', 'unknown_member'),
  [
    'a cancellation with a member',
    'POST',
    `/v1/deliveries/del_${NOBODY}/cancel`,
    { reason: 'x' },
    422,
    'invalid_request',
    '/reason',
    'unknown_member',
  ],

  ...event('no type', { type: undefined }, '/type', 'missing_member'),
  ...event('a type that is a number', { type: 1 }, '/type', 'wrong_type'),
  ...event('no data', { data: undefined }, '/data', 'missing_member'),
  ...event('data that is null', { data: null }, '/data', 'wrong_type'),
  ...event('data that is an array', { data: [] }, '/data', 'wrong_type'),
  ...event('data that is text', { data: 'x' }, '/data', 'wrong_type'),
  ...event('an id of its own', { id: 'evt_1' }, '/id', 'unknown_member'),
  [
    'an event of an unknown type',
    'POST',
    '/v1/events',
    { type: 'x', data: {} },
    422,
    'unknown_event_type',
    '/type',
    'unknown_event_type',
  ],

  [
    'an event type without a description',
    'PUT',
    '/v1/event-types/a.b',
    {},
    422,
    'invalid_request',
    '/description',
    'missing_member',
  ],
  [
    'an event type with a bad name',
    'PUT',
    '/v1/event-types/A',
    { description: '' },
    422,
    'invalid_request',
    '/name',
    'invalid_name',
  ],
  [
    'an event type with a long description',
    'PUT',
    '/v1/event-types/a.b',
    { description: 'x'.repeat(501) },
    422,
    'invalid_request',
    '/description',
    'too_long',
  ],
  [
    'a test call with a member',
    'POST',
    `${WEBHOOK}/test`,
    { type: 'x' },
    422,
    'invalid_request',
    '/type',
    'unknown_member',
  ],

  ...query('GET', '/v1/webhooks?limt=5', 'limt'),
  ...query('GET', `${WEBHOOK}?fields=id`, 'fields'),
  ...query('DELETE', `${WEBHOOK}?force=true`, 'force'),
  ...query('POST', `${WEBHOOK}/test?dry=true`, 'dry'),
  ...query('GET', `/v1/events/evt_${NOBODY}?a=1`, 'a'),
  ...query('GET', `/v1/deliveries/del_${NOBODY}?a=1`, 'a'),
  ...query('GET', `${WEBHOOK}/deliveries?statuss=failed`, 'statuss'),
  ...query('POST', `${WEBHOOK}/secret/rotate?overlap=0s`, 'overlap'),
  ...query('GET', `/v1/recoveries/rec_${NOBODY}?a=1`, 'a'),
  ...query('POST', `/v1/deliveries/del_${NOBODY}/cancel?a=1`, 'a'),

  ...unknown('GET', `/v1/webhooks/wh_${NOBODY}`),
  ...unknown('PATCH', `/v1/webhooks/wh_${NOBODY}`, { status: 'active' }),
  ...unknown('DELETE', `/v1/webhooks/wh_${NOBODY}`),
  ...unknown('POST', `/v1/webhooks/wh_${NOBODY}/test`),
  ...unknown('GET', `/v1/webhooks/wh_${NOBODY}/deliveries`),
  ...unknown('GET', '/v1/webhooks/wh_123456'),
  ...unknown('GET', `/v1/webhooks/${id.replace('wh_', 'evt_')}`),
  ...unknown('GET', `/v1/webhooks/${id.toUpperCase()}`),
  ...unknown('GET', `/v1/webhooks/${id}%00`),
  ...unknown('GET', `/v1/webhooks/${'x'.repeat(300)}`),
  ...unknown('GET', `/v1/events/evt_${NOBODY}`),
  ...unknown('GET', `/v1/deliveries/del_${NOBODY}`),
  ...unknown('POST', `/v1/deliveries/del_${NOBODY}/cancel`),
  ...unknown('POST', `/v1/webhooks/wh_${NOBODY}/secret/rotate`),
  ...unknown('POST', `/v1/webhooks/wh_${NOBODY}/recover`, { since: timeIn(-60) }),
  ...unknown('GET', `/v1/recoveries/rec_${NOBODY}`),
  ...unknown('GET', `/v1/recoveries/${id}`),
  ...unknown('GET', '/v1/nothing'),
  ...unknown('GET', '/nothing'),
];

for (const [what, method, path, content, status, code, pointer, fault] of refused) {
  test(`${what} is answered with ${status} ${code}`, async () => {
    const answer = await server.request<ProblemBody>(method, path, content);
    const first = answer.body.errors?.[0];
    assert.deepEqual(
      [answer.status, answer.body.code, first?.pointer, first?.code],
      [status, code, pointer, fault],
    );
  });
}

const types: readonly [contentType: string | undefined, status: number][] = [
  ['application/json', 201],
  ['application/json; charset=utf-8', 201],
  ['Application/JSON', 201],
  [undefined, 415],
  ['text/plain', 415],
  ['application/x-www-form-urlencoded', 415],
  ['application/jsonp', 415],
  ['multipart/form-data; boundary=x', 415],
];
for (const [contentType, status] of types) {
  test(`a body of the content type ${contentType} is answered with ${status}`, async () => {
    const webhook = JSON.stringify({ url: 'https://example.com/', events: ['*'] });
    const headers = { 'Content-Type': contentType };
    const answer = await server.request<ProblemBody>(
      'POST',
      '/v1/webhooks',
      Buffer.from(webhook),
      headers,
    );
    assert.equal(answer.status, status, answer.text);
    if (status === 415) assert.equal(answer.body.code, 'unsupported_media_type');
  });
}

test('malformed JSON is answered with its position', async () => {
  const text = '{\n  "url": oops\n}';
  const answer = await server.request<ProblemBody>('POST', '/v1/webhooks', text);
  assert.match(answer.body.detail, /position 11 \(line 2, column 10\)/);
});

test('a byte order mark is named', async () => {
  const answer = await server.request<ProblemBody>('POST', '/v1/webhooks', '\uFEFF{}');
  assert.match(answer.body.detail, /byte order mark/);
});

test('a misspelt member is answered with the one that was meant', async () => {
  const webhook = { url: 'https://example.com/', evnts: ['*'] };
  const { body: problem } = await server.request<ProblemBody>('POST', '/v1/webhooks', webhook);
  const [unknownMember] = (problem.errors ?? []).filter(({ pointer }) => pointer === '/evnts');
  assert.match(unknownMember?.detail ?? '', /Did you mean "events"\?/);
});

test('a word that is not allowed is answered with those that are, null among them', async () => {
  const { body: problem } = await server.request<ProblemBody>('PATCH', WEBHOOK, { on_gone: 'x' });
  assert.equal(problem.errors?.[0]?.detail, 'This must be one of: retry, disable, null.');
});

test('a duration that is none is answered with what one looks like', async () => {
  for (const per of [true, 'soon']) {
    const change = { rate_limit: { max: 1, per } };
    const { body: problem } = await server.request<ProblemBody>('PATCH', WEBHOOK, change);
    assert.match(problem.errors?.[0]?.detail ?? '', /such as "90s", "5m" or "1h"/);
  }
});

test('all faults of a request are answered at once', async () => {
  const webhook = { url: 5, events: [], secret: 5, colour: 'red' };
  const { body: problem } = await server.request<ProblemBody>('POST', '/v1/webhooks', webhook);
  const pointers = problem.errors?.map(({ pointer }) => pointer);
  assert.deepEqual(new Set(pointers), new Set(['/url', '/events', '/secret', '/colour']));
});

const accepted: readonly [what: string, change: object][] = [
  ['a url of 2,048 characters', { url: urlOf(URL_CHARS_MAX) }],
  ['a url with a query', { url: 'https://example.com/?a=b&c=d' }],
  ['a url with a port', { url: 'https://example.com:8443/' }],
  ['a url at a public address', { url: 'https://93.184.216.34/' }],
  ['a secret of 16 characters', { secret: 'x'.repeat(16) }],
  ['a secret of 256 characters', { secret: '~'.repeat(256) }],
  ['the documented secret', { secret: 'your_webhook_secret' }],
  ['a secret whsec_ of 24 bytes', { secret: whsec(24) }],
  ['a secret whsec_ of 64 bytes', { secret: whsec(64) }],
  ['a description of 500 characters', { description: 'x'.repeat(500) }],
];
for (const [what, change] of accepted) {
  test(`${what} is accepted`, async () => {
    const webhook = { url: 'https://example.com/', events: ['*'], ...change };
    const answer = await server.request('POST', '/v1/webhooks', webhook);
    assert.equal(answer.status, 201, answer.text);
    if ('url' in change) assert.equal(answer.body.url, change.url);
  });
}

type Line = (typeof refused)[number];

function body(
  what: string,
  text: string,
  status: number,
  code: string,
  pointer?: string,
  fault?: string,
): Line[] {
  return [
    [what, 'POST', '/v1/webhooks', text, status, code, pointer, fault],
    [`${what} in a patch`, 'PATCH', WEBHOOK, text, status, code, pointer, fault],
    [`${what} as an event`, 'POST', '/v1/events', text, status, code, ...firstOf(pointer, fault)],
  ];
}

function firstOf(pointer?: string, fault?: string): [pointer?: string, fault?: string] {
  return pointer === undefined || fault === undefined ? [] : [pointer, fault];
}

function member(what: string, change: object, pointer: string, fault: string): Line[] {
  const webhook = { url: 'https://example.com/', events: ['*'], ...change };
  return [
    [
      `a webhook with ${what}`,
      'POST',
      '/v1/webhooks',
      webhook,
      422,
      'invalid_request',
      pointer,
      fault,
    ],
  ];
}

function url(what: string, text: string, fault: string): Line[] {
  return [
    ...member(`a url ${what}`, { url: text }, '/url', fault),
    [
      `a patch with a url ${what}`,
      'PATCH',
      WEBHOOK,
      { url: text },
      422,
      'invalid_request',
      '/url',
      fault,
    ],
  ];
}

function secret(what: string, text: string): Line[] {
  return member(`a secret ${what}`, { secret: text }, '/secret', 'invalid_secret');
}

function patch(what: string, change: object, pointer: string, fault: string): Line[] {
  return [
    [`a patch with ${what}`, 'PATCH', WEBHOOK, change, 422, 'invalid_request', pointer, fault],
  ];
}

/** At creation and in a patch. */
function setting(what: string, change: object, pointer: string, fault: string): Line[] {
  return [...member(what, change, pointer, fault), ...patch(what, change, pointer, fault)];
}

function rate(change: object): object {
  return { rate_limit: { max: 5, per: '1m', ...change } };
}

function rotation(what: string, content: object, pointer: string, fault: string): Line[] {
  const path = `${WEBHOOK}/secret/rotate`;
  const name = `a rotation with ${what}`;
  return [[name, 'POST', path, content, 422, 'invalid_request', pointer, fault]];
}

function recovery(what: string, content: object, pointer: string, fault: string): Line[] {
  const name = `a recovery with ${what}`;
  return [[name, 'POST', `${WEBHOOK}/recover`, content, 422, 'invalid_request', pointer, fault]];
}

function timeIn(seconds: number): string {
  return new Date(Date.now() + seconds * 1_000).toISOString();
}

function event(what: string, change: object, pointer: string, fault: string): Line[] {
  const content = { type: 'user.created', data: {}, ...change };
  return [
    [
      `an event with ${what}`,
      'POST',
      '/v1/events',
      content,
      422,
      'invalid_request',
      pointer,
      fault,
    ],
  ];
}

function query(method: string, path: string, name: string): Line[] {
  const what = `the query of ${method} ${path.replaceAll(id, '{id}')}`;
  return [[what, method, path, undefined, 400, 'invalid_query', name, 'unknown_parameter']];
}

function unknown(method: string, path: string, content?: object): Line[] {
  const what = `${method} ${path.replaceAll(id, '{id}').slice(0, 60)}`;
  return [[what, method, path, content, 404, 'not_found']];
}

function urlOf(length: number): string {
  const begin = 'https://example.com/';
  return begin + 'x'.repeat(length - begin.length);
}

function whsec(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
}
