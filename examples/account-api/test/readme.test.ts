// What the README of the example tells a reader to type, typed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { RunningProcess } from '../../../server/test/system/support/child-process.ts';
import { hasCurl } from '../../../server/test/system/support/curl.ts';
import { temporaryDirectory } from '../../../server/test/system/support/server-process.ts';
import { EVENTS } from '../events.ts';
import { created, untilAllSent } from './support/account.ts';
import { startPosthorn } from './support/posthorn.ts';
import { PROGRAM, shell, startProgram } from './support/program.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [start, ...commands] = readme
  .matchAll(/^```bash\n(.*?)^```$/gms)
  .map(([, block = '']) => block.trim())
  .toArray();

test('its start is the script that installs what is needed and starts the program', () => {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  assert.equal(start, 'npm run example:account');
  const script: string = JSON.parse(manifest).scripts['example:account'];
  assert.ok(script.startsWith('node scripts/install.mjs && '), script);
  assert.ok(script.endsWith(PROGRAM), script);
});

test('its commands work as pasted and emit all nine events; Ctrl-C ends it with 0', async (t) => {
  if (!hasCurl(t)) return;
  const folder = temporaryDirectory(t);
  const running = await startProgram(t, ownData(folder));
  const adapted = (command: string) => {
    const own = command
      .replaceAll('http://127.0.0.1:4800', running.url)
      .replaceAll('http://127.0.0.1:4900', running.posthornUrl)
      .replaceAll('.posthorn/', `${folder}/`)
      // An answer that is a problem fails the command.
      .replaceAll('curl ', 'curl --fail-with-body ');
    assert.doesNotMatch(own, /:4[89]00\b/);
    return own;
  };
  await outputOf(t, ['set -e', ...commands.map(adapted)].join('\n'));
  await untilAllSent(running.url);

  const listing = adapted(commands.find((command) => command.includes('/v1/events')) ?? '');
  const { data } = JSON.parse(await outputOf(t, listing));
  const types: string[] = data.map(({ type }: { type: string }) => type);
  assert.deepEqual(types.toSorted(), Object.keys(EVENTS).toSorted());
  await interrupt(running.process);
});

test('it joins a Posthorn that is named, and leaves it running', async (t) => {
  const posthorn = await startPosthorn(t);
  const running = await startProgram(t, {
    ...ownData(temporaryDirectory(t)),
    POSTHORN_URL: posthorn.url,
    POSTHORN_API_KEY: posthorn.key,
  });
  await created(running.url, '/projects', { name: 'Apollo' });
  await untilAllSent(running.url);
  await interrupt(running.process);
  assert.equal((await posthorn.events()).length, 1);
});

test('it joins the Posthorn that runs in the same folder, and leaves it running', async (t) => {
  const data = ownData(temporaryDirectory(t));
  const first = await startProgram(t, data);
  const second = await startProgram(t, {
    ...data,
    POSTHORN_PORT: new URL(first.posthornUrl).port,
    ACCOUNT_DATABASE_URL: `sqlite:${temporaryDirectory(t)}/account.db`,
  });
  assert.equal(second.posthornUrl, first.posthornUrl);
  await created(second.url, '/projects', { name: 'Apollo' });
  await untilAllSent(second.url);
  await interrupt(second.process);
  assert.equal((await fetch(`${first.posthornUrl}/readyz`)).status, 200);
  await interrupt(first.process);
});

test('a Posthorn that is named without a key is said at once', async (t) => {
  const process = shell(t, PROGRAM, { POSTHORN_URL: 'http://127.0.0.1:9' });
  assert.equal((await process.end()).code, 1);
  assert.match(process.stderr, /POSTHORN_API_KEY is needed too/);
});

function ownData(folder: string): Record<string, string> {
  return {
    POSTHORN_PORT: '0',
    POSTHORN_DATA_DIR: folder,
    ACCOUNT_DATABASE_URL: `sqlite:${folder}/account.db`,
  };
}

/** Ctrl-C in a terminal reaches the whole group. */
async function interrupt(process: RunningProcess): Promise<void> {
  process.killGroup('SIGINT');
  assert.deepEqual(await process.end(), { code: 0, signal: null }, process.stderr);
  assert.match(process.stdout, /^Stopped\./m);
}

async function outputOf(t: TestContext, command: string): Promise<string> {
  const ran = shell(t, command, {});
  assert.deepEqual(await ran.end(), { code: 0, signal: null }, ran.stderr + ran.stdout);
  return ran.stdout;
}
