// What `posthorn types` prints is compiled, strictly, with programs that use it rightly and wrongly.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { typesOfOpenApi } from '../../src/cli/types-openapi.ts';
import { typesText } from '../../src/cli/types-text.ts';
import { FIRST_EVENT_TYPES } from '../../src/core/event-types.ts';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { cleanEnvironment } from '../system/support/server-process.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

/** Schemas of other schemas' parts, as a document has them. */
const COMPONENTS = {
  Money: {
    type: 'object',
    description: 'An amount in its smallest unit',
    properties: { amount: { type: 'integer' }, currency: { enum: ['EUR', 'USD'] } },
    required: ['amount', 'currency'],
  },
  Folder: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      folders: { type: 'array', items: { $ref: '#/components/schemas/Folder' } },
      byName: { additionalProperties: { $ref: '#/components/schemas/Folder' } },
    },
    required: ['name'],
  },
  'odd name/1': { type: 'string' },
  Record: { type: 'boolean' },
};
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const text = { type: 'string' };

/** A schema of `data`, what fits it and what does not. Both are also asked of a validator. */
const SCHEMAS: readonly [what: string, schema: object, fits: object[], fitsNot: object[]][] = [
  [
    'members that are required or not',
    object({ id: text, count: { type: 'integer' } }, ['id']),
    [{ id: 'a' }, { id: 'a', count: 1 }],
    [{}, { id: 1 }, { id: 'a', count: '1' }],
  ],
  [
    'objects in objects',
    object({ user: object({ name: text }, ['name']) }, ['user']),
    [{ user: { name: 'Zoë' } }],
    [{ user: {} }, { user: 'Zoë' }],
  ],
  [
    'a list of words',
    object({ plan: { enum: ['free', 'pro', 1, null] } }, ['plan']),
    [{ plan: 'free' }, { plan: null }, { plan: 1 }],
    [{ plan: 'gold' }, { plan: 2 }],
  ],
  [
    'one value alone',
    object({ kind: { const: "it's" } }, ['kind']),
    [{ kind: "it's" }],
    [{ kind: 'x' }],
  ],
  [
    'alternatives',
    { oneOf: [object({ card: text }, ['card']), object({ iban: text }, ['iban'])] },
    [{ card: '4242' }, { iban: 'DE' }],
    [{ card: 1 }, {}],
  ],
  [
    'alternatives of an object that says so itself',
    { type: 'object', anyOf: [object({ a: text }, ['a']), object({ b: text }, ['b'])] },
    [{ a: 'a' }, { b: 'b' }],
    [{ a: 1 }, {}],
  ],
  [
    'several schemas at once',
    { allOf: [{ type: 'object' }, object({ a: text }, ['a']), object({ b: text })] },
    [{ a: 'a' }, { a: 'a', b: 'b' }],
    [{ b: 'b' }, { a: 'a', b: 1 }],
  ],
  [
    'a reference',
    object({ price: ref('Money') }, ['price']),
    [{ price: { amount: 1, currency: 'EUR' } }],
    [{ price: { amount: 1, currency: 'DM' } }, { price: { amount: 1 } }],
  ],
  [
    'a reference as a whole',
    ref('Folder'),
    [{ name: 'a', folders: [{ name: 'b' }], byName: { c: { name: 'c' } } }],
    [
      { name: 'a', folders: [{}] },
      { name: 'a', byName: { c: {} } },
    ],
  ],
  [
    'names that are none',
    object({ a: ref('odd name~11'), b: ref('Record') }),
    [{ a: 'a', b: true }],
    [{ a: 1 }, { b: 1 }],
  ],
  [
    'null among the types',
    object({ name: { type: ['string', 'null'] } }, ['name']),
    [{ name: null }, { name: 'a' }],
    [{ name: 1 }, {}],
  ],
  [
    'null as an alternative',
    object({ price: { anyOf: [ref('Money'), { type: 'null' }] } }, ['price']),
    [{ price: null }],
    [{ price: 1 }],
  ],
  [
    'no other members',
    { ...object({ a: text }), additionalProperties: false },
    [{}, { a: 'a' }],
    [{ b: 'b' }],
  ],
  ['no members at all', { type: 'object', additionalProperties: false }, [{}], [{ a: 1 }]],
  [
    'members of any name',
    { additionalProperties: { type: 'number' } },
    [{}, { a: 1 }],
    [{ a: 'a' }],
  ],
  [
    'members of a name and others',
    { ...object({ a: text }, ['a']), additionalProperties: { type: 'number' } },
    [{ a: 'a', b: 1 }],
    [{ b: 1 }, { a: 'a', b: true }],
  ],
  [
    'lists',
    object({ tags: { type: 'array', items: { type: ['string', 'number'] } } }),
    [{ tags: [] }, { tags: ['a', 1] }],
    [{ tags: [true] }, { tags: 'a' }],
  ],
  [
    'lists with places',
    object({
      at: { type: 'array', prefixItems: [{ type: 'number' }, text], items: false, minItems: 1 },
    }),
    [{ at: [1] }, { at: [1, 'a'] }],
    [{ at: [] }, { at: [1, 'a', 'b'] }, { at: ['a'] }],
  ],
  [
    'names that need quotes',
    object({ 'given-name': text, "it's": text, '*/': text }),
    [{ 'given-name': 'a', "it's": 'b' }],
    [{ 'given-name': 1 }],
  ],
  ['anything that is an object', {}, [{ a: 1 }], []],
];

const document = {
  openapi: '3.1.1',
  webhooks: Object.fromEntries(
    SCHEMAS.map(([what, data], index) => [`case.n${index}`, webhook(what, data)]),
  ),
  components: { schemas: COMPONENTS },
};

describe('the types of a schema with', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const [what, schema, fits, fitsNot] of SCHEMAS) {
    test(`${what} are tried with values that the schema itself tells apart`, () => {
      const isValid = ajv.compile({ type: 'object', ...schema, components: document.components });
      for (const value of fits) assert.ok(isValid(value), JSON.stringify(value));
      for (const value of fitsNot) assert.ok(!isValid(value), JSON.stringify(value));
    });
  }

  test('all of these compile, and what does not fit them does not', (t) => {
    const lines = SCHEMAS.flatMap(([, , fits, fitsNot], index) => [
      ...fits.map((value) => declared(index, value)),
      ...fitsNot.map((value) => `// @ts-expect-error\n${declared(index, value)}`),
    ]);
    compiles(t, {
      'events.d.ts': typesText(typesOfOpenApi(document)),
      'use.ts': `import type { Events } from './events.js';\n${lines.join('\n')}\n`,
    });
  });
});

test('a receiver with the types of a server knows the nine types it comes with, and its own', async (t) => {
  const server = await startTestServer(t);
  const own = { description: 'An invoice was paid */ "in full"' };
  await server.request('PUT', '/v1/event-types/invoice.paid', own);
  const { stdout, stderr } = await posthorn(['types', '--url', server.url], server.key);
  assert.equal(stderr, '');
  const names = [...stdout.matchAll(/^ {2}'(\S+)': Record<string, unknown>;$/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(names, [...Object.keys(FIRST_EVENT_TYPES), 'invoice.paid'].toSorted());
  compiles(t, { 'events.d.ts': stdout, 'use.ts': receiverOf(names.map(String)) });
});

test('a receiver with the types of a server has data typed by the schemas that the server keeps', async (t) => {
  const server = await startTestServer(t);
  const money = COMPONENTS.Money;
  const inDollars = { ...money, properties: { ...money.properties, currency: { const: 'USD' } } };
  const plan = { $anchor: 'plan', enum: ['free', 'pro'] };
  const paid = { $ref: '#/$defs/Money' };
  const schemas = {
    'invoice.paid': { ...object({ paid }, ['paid']), $defs: { Money: money } },
    'invoice.refunded': { ...object({ paid }, ['paid']), $defs: { Money: money } },
    'invoice.voided': { ...object({ paid }, ['paid']), $defs: { Money: inDollars } },
    'team.created': {
      ...object({ name: text, plan: { $ref: '#plan' }, parent: { $ref: '#' } }, ['name', 'plan']),
      $id: 'https://example.com/team.json',
      $defs: { plan },
    },
    'user.created': { description: 'Somebody new', ...object({ id: text }, ['id']) },
  };
  for (const [name, schema] of Object.entries(schemas)) {
    const path = `/v1/event-types/${name}`;
    const { status } = await server.request('PUT', path, { description: name, schema });
    assert.ok(status === 200 || status === 201, name);
  }
  const { stdout, stderr } = await posthorn(['types', '--url', server.url], server.key);
  assert.equal(stderr, '');
  // The same of two schemas is one type; what is only called the same is another.
  const declared = [...stdout.matchAll(/^export type (\w+) =/gm)].map(([, name]) => name);
  assert.deepEqual(declared, ['Money', 'Money2', 'Plan', 'Schema']);
  compiles(t, {
    'events.d.ts': stdout,
    'use.ts': `
      import { createReceiver } from '@posthorn/receiver';
      import type { Events, Money, Plan } from './events.js';
      const receiver = createReceiver<Events>({ secrets: 'your_webhook_secret' });
      receiver.on('invoice.*', ({ data }) => {
        const paid: Money = data.paid;
        paid.amount.toFixed();
        // @ts-expect-error: there is no such member.
        data.total;
      });
      receiver.on('invoice.voided', ({ data }) => data.paid.currency satisfies 'USD');
      // @ts-expect-error: here it may be another.
      receiver.on('invoice.paid', ({ data }) => data.paid.currency satisfies 'USD');
      receiver.on('team.created', ({ data }) => data.parent?.parent?.plan satisfies Plan | undefined);
      receiver.on('user.created', ({ data }) => data.id.trim());
      // @ts-expect-error: a type without a schema says nothing about its data.
      receiver.on('user.updated', ({ data }) => data.id.trim());
    `,
  });
});

test('a receiver with the types of a document has a wrong member of data refused', (t) => {
  const data = object({ id: text, paid: ref('Money') }, ['id', 'paid']);
  const billing = {
    webhooks: { invoicePaid: webhook('An invoice was paid', data, 'invoice.paid') },
    components: { schemas: COMPONENTS },
  };
  compiles(t, {
    'events.d.ts': typesText(typesOfOpenApi(billing)),
    'use.ts': `
      import { createReceiver } from '@posthorn/receiver';
      import type { Events, Money } from './events.js';
      const receiver = createReceiver<Events>({ secrets: 'your_webhook_secret' });
      receiver.on('invoice.paid', ({ data }) => {
        const paid: Money = data.paid;
        paid.amount.toFixed();
        // @ts-expect-error: there is no such member.
        data.total;
        // @ts-expect-error: it is a number.
        data.paid.amount.trim();
      });
    `,
  });
});

test('this server’s own document gives the types that it comes with', () => {
  const names = typesOfOpenApi(openApiDocument()).map(({ name }) => name);
  assert.deepEqual(names, [...Object.keys(FIRST_EVENT_TYPES), 'webhook.test']);
});

test('the same types give the same text in whatever order they come', () => {
  const types = typesOfOpenApi(document);
  assert.equal(typesText(types), typesText(types.toReversed()));
});

test('descriptions become comments that nothing in them ends', () => {
  const types = [{ name: 'a.b', description: 'ends */ here\nand goes on' }];
  assert.match(
    typesText(types),
    /\/\*\*\n {3}\* ends \*\\\/ here\n {3}\* and goes on\n {3}\*\/\n {2}'a\.b'/,
  );
});

describe('nothing but a sentence comes, on standard error, when', () => {
  const refusals: readonly [
    what: string,
    args: string[],
    key: string | undefined,
    code: number,
    says: RegExp,
  ][] = [
    [
      'there is no key',
      ['--url', 'https://posthorn.test'],
      undefined,
      2,
      /^POSTHORN_API_KEY is needed: .+\n$/,
    ],
    [
      'the file is not there',
      ['--openapi', 'gone.json'],
      'key',
      1,
      /^gone\.json gives no event types: ENOENT.+\n$/,
    ],
    [
      'the file has no webhooks',
      ['--openapi', join(root, 'package.json')],
      'key',
      1,
      /The document has no "webhooks"\.\n$/,
    ],
  ];
  for (const [what, args, key, code, says] of refusals) {
    test(what, async () => {
      const {
        stdout,
        stderr,
        code: ended,
      } = await posthorn(['types', ...args], key).catch((error) => error);
      assert.deepEqual([stdout, ended], ['', code]);
      assert.match(stderr, says);
    });
  }

  test('the server refuses the key', async (t) => {
    const { url } = await startTestServer(t);
    const { stdout, stderr } = await posthorn(['types', '--url', url], 'phk_wrong').catch(
      (error) => error,
    );
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^The event types of http:\S+ were not read: This API key is not known here\.\n$/,
    );
  });

  for (const pointer of ['#/components/schemas/Gone', 'other.json#/Money']) {
    test(`a reference leads nowhere: ${pointer}`, () => {
      const types = [{ name: 'a', description: '', data: { schema: { $ref: pointer }, document } }];
      assert.throws(() => typesText(types), { message: /^"\$ref": ".+" leads / });
    });
  }
});

function object(properties: object, required: string[] = []): object {
  return { type: 'object', properties, required };
}

function webhook(summary: string, data: object, type?: string): object {
  const envelope = {
    allOf: [
      { type: 'object', properties: { data: { type: 'object', additionalProperties: true } } },
      { properties: { data, ...(type && { type: { const: type } }) } },
    ],
  };
  return {
    post: { summary, requestBody: { content: { 'application/json': { schema: envelope } } } },
  };
}

let declarations = 0;

function declared(index: number, value: object): string {
  declarations += 1;
  return `export const v${declarations}: Events['case.n${index}'] = ${JSON.stringify(value)};`;
}

function receiverOf(names: readonly string[]): string {
  return `
    import { createReceiver } from '@posthorn/receiver';
    import type { Events } from './events.js';
    const receiver = createReceiver<Events>({ secrets: 'your_webhook_secret' });
    ${names.map((name) => `receiver.on('${name}', ({ id, data }) => [id.trim(), data.name]);`).join('\n')}
    receiver.on('user.*', ({ type }) => type satisfies 'user.created' | 'user.deleted' | 'user.updated');
    // @ts-expect-error: there is no such type.
    receiver.on('user.renamed', () => {});
    // @ts-expect-error: what is in data is not known.
    receiver.on('user.created', ({ data }) => data.name.trim());
  `;
}

/** Under the strictest options that people have. */
function compiles(t: TestContext, files: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-types-'));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, source] of Object.entries(files)) writeFileSync(join(folder, name), source);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    // What a package comes from is .ts here.
    allowImportingTsExtensions: true,
  };
  const project = { compilerOptions, files: Object.keys(files) };
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project));
  const compiler = join(root, 'node_modules/.bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [compiler], { cwd: folder });
  assert.equal(status, 0, `${stdout}\n${files['events.d.ts']}`);
}

function posthorn(args: readonly string[], key: string | undefined) {
  const program = join(root, 'server/src/cli/index.ts');
  const environment = { ...cleanEnvironment(), ...(key && { POSTHORN_API_KEY: key }) };
  return run(process.execPath, [program, ...args], { env: environment, cwd: tmpdir() });
}
