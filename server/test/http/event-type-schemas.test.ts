import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { expectStatus, type ListBody, type ProblemBody, publish } from '../support/api.ts';
import { type ApiAnswer, startTestServer } from '../support/start-test-server.ts';

const BYTES_MAX = 65_536;
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
const REMOTE = 'https://example.com/user.json';
const TEXT = { type: 'string' };
const OBJECT = { type: 'object', properties: { name: TEXT }, required: ['name'] };

/** Types of this one server are told apart by their names. */
const server = await startTestServer({ after });
let types = 0;

function newName(): string {
  types += 1;
  return `invoice.n${types}`;
}

function put<Body = object>(members: object, name = newName()): Promise<ApiAnswer<Body>> {
  const path = `/v1/event-types/${name}`;
  return server.request<Body>('PUT', path, { description: '', ...members });
}

async function get(name: string): Promise<object> {
  return expectStatus(200, await server.request('GET', `/v1/event-types/${name}`));
}

describe('an event type', () => {
  test('is answered with its schema and its example, by the put, by itself and in the list', async () => {
    const name = newName();
    const type = { description: 'Paid', schema: OBJECT, example: { name: 'Zoë', 9: [null] } };
    const whole = { name, ...type };
    assert.deepEqual(expectStatus(201, await put(type, name)), whole);
    assert.deepEqual(await get(name), whole);
    const list = await server.request<ListBody<{ name: string }>>(
      'GET',
      '/v1/event-types?limit=100',
    );
    const listed = expectStatus(200, list).data;
    assert.deepEqual(
      listed.find((each) => each.name === name),
      whole,
    );
  });

  test('loses the schema and the example that a later put leaves out', async () => {
    const name = newName();
    const [schema, example] = [OBJECT, { name: 'Zoë' }];
    expectStatus(201, await put({ schema, example }, name));
    for (const members of [{ schema }, { example }, { schema: null, example }, {}]) {
      const whole = { name, description: '', schema: null, example: null, ...members };
      assert.deepEqual(expectStatus(200, await put(members, name)), whole);
      assert.deepEqual(await get(name), whole);
    }
  });

  test('that a fresh installation knows has neither', async () => {
    const description = 'A new user was created';
    const type = { name: 'user.created', description, schema: null, example: null };
    assert.deepEqual(await get('user.created'), type);
  });

  test('that is not there is not found', async () => {
    for (const name of ['nothing.here', 'A', '%00']) {
      const answer = await server.request<ProblemBody>('GET', `/v1/event-types/${name}`);
      assert.equal(expectStatus(404, answer).code, 'not_found');
    }
  });

  test('is published whether or not the data fit its schema', async () => {
    const name = newName();
    expectStatus(201, await put({ schema: OBJECT }, name));
    assert.match((await publish(server, { name: 1 }, name)).id, /^evt_/);
  });

  test('is left as it was by a put that is refused', async () => {
    const name = newName();
    expectStatus(201, await put({ schema: OBJECT }, name));
    const before = await get(name);
    expectStatus(422, await put({ schema: OBJECT, example: {} }, name));
    assert.deepEqual(await get(name), before);
  });
});

const ACCEPTED: readonly [what: string, schema: object, example?: object][] = [
  ['nothing in it', {}, { any: 1 }],
  ['its dialect named', { $schema: DIALECT, ...OBJECT }],
  ['an id, and references within it', ids({ $ref: '#/$defs/text' }), { a: 'b' }],
  ['references to anchors', ids({ $ref: '#word' }), { a: 'b' }],
  ['references to itself further down', { properties: { next: { $ref: '#' } } }, { next: {} }],
  ['a dynamic reference', ids({ $dynamicRef: '#word' }), { a: 'b' }],
  ['members named like keywords', { properties: { $ref: TEXT, $id: TEXT, pattern: TEXT } }],
  ['values that look like references', { enum: [{ $ref: 'https://a.test' }] }],
  ['words that nobody knows', { 'x-unit': 'EUR', format: 'unheard-of' }, {}],
  [
    'a format that its example does not have',
    { properties: { at: { format: 'date' } } },
    { at: 1 },
  ],
  [
    'several patterns, each for its own member',
    { properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } },
    { a: 'a', b: 'b' },
  ],
  ['what no prototype can answer', { required: ['toString'] }, { toString: 1 }],
];

describe('a schema is taken with', () => {
  for (const [what, schema, example] of ACCEPTED) {
    test(what, async () => {
      const answer = expectStatus(201, await put({ schema, ...(example && { example }) }));
      assert.partialDeepStrictEqual(answer, { schema, example: example ?? null });
    });
  }
});

const REFUSED: readonly [
  what: string,
  members: object,
  pointer: string,
  code: string,
  says?: RegExp,
][] = [
  ['the schema is true', { schema: true }, '/schema', 'wrong_type'],
  ['the schema is a text', { schema: '{}' }, '/schema', 'wrong_type'],
  ['the schema is a list', { schema: [] }, '/schema', 'wrong_type'],
  ['the example is a text', { example: 'a' }, '/example', 'wrong_type'],
  ['the example is a list', { example: [] }, '/example', 'wrong_type'],
  ...bad('a type is none', { name: { type: 'strin' } }, '/name/type', /object, string/),
  ...bad('a type is a number', { name: { type: 1 } }, '/name/type'),
  ...bad('a bound is negative', { name: { minLength: -1 } }, '/name/minLength', />= 0/),
  ...bad('a part is a number', { 'a/b': 5 }, '/a~1b', /object,boolean/),
  ...bad('a pattern is none', { a: { pattern: '[' } }, '/a/pattern', /Unterminated/),
  ...bad(
    'a pattern of names is none',
    { a: { patternProperties: { '(': {} } } },
    '/a/patternProperties/(',
  ),
  ...bad('a part has an id', { a: { $id: 'https://a.test' } }, '/a/$id', /whole/),
  ...bad('a reference leads to nothing', { a: { $ref: '#/$defs/b' } }, '/a/$ref', /no schema/),
  ...bad('an anchor is not there', { a: { $ref: '#b' } }, '/a/$ref', /no schema/),
  ...bad('a reference leads to no schema', { a: { $ref: '#/type' } }, '/a/$ref', /no schema/),
  ...bad('a reference is encoded badly', { a: { $ref: '#/%' } }, '/a/$ref', /no schema/),
  ...[REMOTE, 'user.json', `${REMOTE}#/$defs/a`].flatMap((reference) =>
    bad(
      `a reference leads to ${reference}`,
      { a: { items: { $ref: reference } } },
      '/a/items/$ref',
      /Nothing is fetched.+"\$defs"/,
      'remote_reference',
    ),
  ),
  ...bad(
    'a dynamic reference leads elsewhere',
    { a: { $dynamicRef: REMOTE } },
    '/a/$dynamicRef',
    /Nothing is fetched/,
    'remote_reference',
  ),
  ...bad('a part refers to itself alone', { a: { $ref: '#/properties/a' } }, '/a', /without end/),
  ...bad(
    'two parts refer to each other',
    { a: { anyOf: [TEXT, { $ref: '#/properties/b' }] }, b: { not: { $ref: '#/properties/a' } } },
    '/b/not',
    /without end/,
  ),
  whole(
    'it is of another draft',
    { $schema: 'http://json-schema.org/draft-07/schema#' },
    '$schema',
  ),
  whole('it is asynchronous', { $async: true }, '$async'),
  whole('data could be no object', { type: 'string' }, 'type'),
  whole('data could be null', { type: ['object', 'null'] }, 'type'),
  [
    'a name is no JSON Schema of today',
    { schema: { id: 'a' } },
    '/schema',
    'invalid_schema',
    /"id"/,
  ],
  misfit('lacks a member', OBJECT, {}, '/name', /required/),
  misfit('has another type', OBJECT, { name: 1 }, '/name', /must be string/),
  misfit('has a member too many', { additionalProperties: false }, { 'a/b': 1 }, '/a~1b'),
  misfit(
    'fits only the first of two patterns',
    { properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } },
    { a: 'a', b: 'a' },
    '/b',
  ),
  misfit('has not what prototypes have', { required: ['toString'] }, {}, '/toString'),
];

describe('a put of an event type is refused when', () => {
  for (const [what, members, pointer, code, says = /./] of REFUSED) {
    test(what, async () => {
      const { code: ofAll, errors = [] } = expectStatus(422, await put<ProblemBody>(members));
      assert.equal(ofAll, 'invalid_request');
      assert.deepEqual([errors[0]?.pointer, errors[0]?.code], [pointer, code]);
      assert.match(errors[0]?.detail ?? '', says);
    });
  }

  test('several members of the example do not fit, each named once', async () => {
    const schema = { properties: { a: { anyOf: [TEXT, { type: 'null' }] }, b: TEXT } };
    const answer = expectStatus(422, await put<ProblemBody>({ schema, example: { a: 1, b: 1 } }));
    assert.deepEqual(
      answer.errors?.map(({ pointer }) => pointer),
      ['/example/a', '/example/b'],
    );
    assert.match(answer.detail, /\(at \/example\/a\) And 1 more, see "errors"\.$/);
  });

  for (const member of ['schema', 'example']) {
    test(`its ${member} has more than 65,536 bytes as JSON`, async () => {
      const length = BYTES_MAX - '{"title":""}'.length;
      // Two bytes each.
      const title = 'ä'.repeat(length / 2);
      expectStatus(201, await put({ [member]: { title } }));
      const { errors } = expectStatus(
        422,
        await put<ProblemBody>({ [member]: { title: `${title}a` } }),
      );
      assert.deepEqual([errors?.[0]?.pointer, errors?.[0]?.code], [`/${member}`, 'too_large']);
      assert.match(errors?.[0]?.detail ?? '', /at most 65536 bytes; it has 65537/);
    });
  }

  test('a pattern or references take all the time there is; others are served meanwhile', async () => {
    const pattern = { properties: { a: { pattern: '^(a+)+$' } } };
    const doubling = Object.fromEntries(
      Array.from({ length: 64 }, (_, n) => [n, { allOf: [next(n), next(n)] }]),
    );
    const $defs = { ...doubling, 64: TEXT };
    const references = { properties: { a: { $ref: '#/$defs/0' } }, $defs };
    const example = { a: `${'a'.repeat(60)}b` };
    const refused = [pattern, references].map((schema) => put<ProblemBody>({ schema, example }));
    assert.equal((await server.request('GET', '/healthz')).status, 200);
    for (const answer of await Promise.all(refused)) {
      const { errors } = expectStatus(422, answer);
      assert.deepEqual([errors?.[0]?.pointer, errors?.[0]?.code], ['/schema', 'too_complex']);
    }
    // What comes behind them is checked as ever.
    expectStatus(201, await put({ schema: OBJECT, example: { name: 'a' } }));
  });
});

function next(n: number): object {
  return { $ref: `#/$defs/${n + 1}` };
}

function ids(a: object): object {
  return { $id: REMOTE, properties: { a }, $defs: { text: { $dynamicAnchor: 'word', ...TEXT } } };
}

function bad(
  what: string,
  properties: object,
  pointer: string,
  says = /./,
  code = 'invalid_schema',
): typeof REFUSED {
  return [[what, { schema: { properties } }, `/schema/properties${pointer}`, code, says]];
}

function whole(what: string, schema: object, member: string): (typeof REFUSED)[number] {
  return [what, { schema }, `/schema/${member}`, 'invalid_schema'];
}

function misfit(
  what: string,
  schema: object,
  example: object,
  pointer: string,
  says = /./,
): (typeof REFUSED)[number] {
  const members = { schema, example };
  return [`the example ${what}`, members, `/example${pointer}`, 'schema_not_met', says];
}
