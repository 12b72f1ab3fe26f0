// The client as it is published, used from outside: its types, and what every Node on the PATH, Deno and Bun
// make of it.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  createConsumer,
  installedNodes,
  typescript5,
} from '../../../receiver/test/runtimes/consumer.ts';
import { installedRuntimes } from '../../../receiver/test/runtimes/installed.ts';
import { buildClient } from '../../../scripts/build-client.ts';
import { startTestServer } from '../support/start-test-server.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { project, write, typeCheck } = createConsumer(['@types'], (modules) =>
  buildClient(join(modules, 'posthorn')),
);
const built = join(project, 'node_modules/posthorn');
const server = await startTestServer({ after });

const USE = `
import { type Client, createClient, type NewEvent, PosthornApiError } from 'posthorn/client';
interface User { id: string }
const user: User = { id: 'usr_789' };
const event: NewEvent = { type: 'user.created', data: user };
const client: Client = createClient({ baseUrl: 'http://127.0.0.1:4900', apiKey: 'phk_…' });
export async function use(): Promise<string> {
  for await (const { id, status } of client.webhooks.list({ limit: 1 })) {
    if (status === 'paused') return id;
    // @ts-expect-error: there is no such status.
    if (status === 'stopped') return id;
  }
  // @ts-expect-error: the misspelt member is what is tried.
  await client.webhooks.create({ url: 'https://example.com', event: ['*'] });
  const { created_at } = await client.events.publish(event);
  const error: unknown = null;
  return error instanceof PosthornApiError && error.code === 'draining' ? 'later' : created_at;
}
`;

const REQUIRE = `
const { createClient } = require('posthorn/client') as
  typeof import('posthorn/client', { with: { 'resolution-mode': 'import' } });
export const client = createClient({ baseUrl: 'http://127.0.0.1:4900', apiKey: 'phk_…' });
export async function imported(): Promise<string> {
  const { createClient: again } = await import('posthorn/client');
  const { id } = await again({ baseUrl: '', apiKey: '' }).recoveries.get('rec_1');
  return id;
}
`;

describe('a TypeScript project type-checks', () => {
  const browser = { types: [], lib: ['es2022', 'dom'] };
  const projects: readonly [what: string, type: string, source: string, options: object][] = [
    ['as ESM', 'module', USE, { module: 'nodenext' }],
    ['as CommonJS that imports it', 'commonjs', USE, { module: 'nodenext' }],
    ['as CommonJS that requires it', 'commonjs', REQUIRE, { module: 'node18' }],
    [
      'for a bundler and browsers',
      'module',
      USE,
      { module: 'preserve', moduleResolution: 'bundler', ...browser },
    ],
  ];
  for (const [what, type, source, options] of projects) {
    test(what, () => typeCheck({ type, source, options }));
  }

  test('as CommonJS by TypeScript 5, which then knows no exports', () => {
    const options = { module: 'commonjs', esModuleInterop: true };
    typeCheck({ type: 'commonjs', source: USE, options, compiler: typescript5 });
  });
});

test('the types that are written out are those of the schemas', () => {
  const text = readFileSync(join(built, 'client/types.d.ts'), 'utf8');
  const names = [...text.matchAll(/^export type (\w+) =/gm)].map(([, name]) => name);
  assert.ok(names.includes('Webhook') && names.includes('ErrorCode'), text);
  const source = `
import type * as built from 'posthorn/client';
import type * as ours from '${join(root, 'server/src/client/types.ts')}';
type Same<One, Other> =
  (<T>() => T extends One ? 1 : 2) extends (<T>() => T extends Other ? 1 : 2) ? true : false;
${names.map((name) => `true satisfies Same<built.${name}, ours.${name}>;`).join('\n')}
`;
  typeCheck({
    type: 'module',
    source,
    options: {
      module: 'nodenext',
      target: 'esnext',
      allowImportingTsExtensions: true,
      skipLibCheck: true,
    },
  });
});

const RUN = `
async function main({ createClient, PosthornApiError }) {
  const client = createClient({ baseUrl: process.argv[2], apiKey: process.argv[3] });
  const names = [];
  for await (const { name } of client.eventTypes.list({ limit: 4 })) names.push(name);
  const { type } = await client.events.publish({ type: 'user.created', data: {} });
  const refused = await client.webhooks.get('wh_unknown').catch((error) => error);
  console.log(names.length, type, refused instanceof PosthornApiError, refused.code);
}
`;
const SAID = '9 user.created true not_found\n';
const PROGRAMS = {
  'imported.mjs': `import * as client from 'posthorn/client';\n${RUN}\nawait main(client);`,
  'required.cjs': `${RUN}\nmain(require('posthorn/client'));`,
  'imported.cjs': `${RUN}\nimport('posthorn/client').then(main);`,
};

describe('it runs as plain JavaScript', () => {
  for (const [file, source] of Object.entries(PROGRAMS)) {
    for (const { node, version } of installedNodes()) {
      test(`${file} in Node ${version}`, async () => {
        write('package.json', '{}');
        write(file, source);
        const args = [...withoutStripping(node), file, server.url, server.key];
        const { stdout } = await promisify(execFile)(node, args, { cwd: project });
        assert.equal(stdout, SAID);
      });
    }
    for (const { name, program, options } of installedRuntimes()) {
      test(`${file} in ${name}`, async () => {
        write('package.json', '{}');
        write(file, source);
        const args = [...options, file, server.url, server.key];
        const { stdout } = await promisify(execFile)(program, args, { cwd: project });
        assert.equal(stdout, SAID);
      });
    }
  }
});

/** Older ones have neither the ability nor the option. */
function withoutStripping(node: string): string[] {
  const option = '--no-strip-types';
  return spawnSync(node, [option, '--version']).status === 0 ? [option] : [];
}
