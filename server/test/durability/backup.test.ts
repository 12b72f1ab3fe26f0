import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../support/until.ts';
import { openDataFile } from '../system/support/data-file.ts';
import { startReceiver } from '../system/support/receiver.ts';
import { temporaryDirectory } from '../system/support/server-process.ts';
import {
  call,
  type DurableServer,
  idsOf,
  publishMany,
  run,
  startServer,
  subscribe,
} from './support/server.ts';
import { stoppedData } from './support/stopped-data.ts';

test('A backup made under load has everything that was accepted before it began, and a server goes on from it', async (t) => {
  const dataDir = temporaryDirectory(t);
  const elsewhere = temporaryDirectory(t);
  const receiver = await startReceiver(t, () => 200);
  const server = await startServer(t, { dataDir });
  await subscribe(server, receiver.url);
  const load = startLoad(server);
  await until('a log that is worth copying', async () => load.accepted.size > 500);

  const before = [...load.accepted];
  const file = join(elsewhere, 'copy.db');
  await expectSuccess(t, dataDir, ['backup', file]);
  const during = load.accepted.size - before.length;
  await load.stop();
  assert.ok(during > 0, 'publishing went on meanwhile');
  assert.deepEqual(load.refused, []);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(elsewhere), ['copy.db'], 'one file, and nothing is left beside it');

  const restored = temporaryDirectory(t);
  await expectSuccess(t, restored, ['restore', file]);
  const again = await startServer(t, { dataDir: restored });
  const data = openDataFile(join(restored, 'posthorn.db'));
  assert.deepEqual(data.quickCheck(), ['ok']);
  const bodies = data.bodies();
  assert.deepEqual(
    before.filter((id) => !bodies.has(id)),
    [],
  );
  assert.equal(data.eventsWithoutDeliveries(1), 0);
  await until('what was pending is delivered', async () => data.pendingCount() === 0);
  data.close();
  assert.equal(idsOf(await publishMany(again, 1)).length, 1);
  t.diagnostic(
    `${before.length} accepted before, ${during} during the backup, ${bodies.size} in it`,
  );
});

test('A backup needs no server', async (t) => {
  const { dataDir, accepted } = await stoppedData(t);
  const file = join(dataDir, 'copy.db');
  await expectSuccess(t, dataDir, ['backup', file]);
  const data = openDataFile(file);
  assert.deepEqual(new Set(data.bodies().keys()), new Set(accepted));
  data.close();
});

test('A backup never replaces a file', async (t) => {
  const { dataDir } = await stoppedData(t);
  const file = join(dataDir, 'copy.db');
  writeFileSync(file, 'precious');
  await expectRefusal(t, dataDir, ['backup', file], /copy\.db exists: name a file that does not/);
  assert.equal(readFileSync(file, 'utf8'), 'precious');
});

test('A backup of damaged data is not kept', async (t) => {
  const { dataDir } = await stoppedData(t);
  damage(join(dataDir, 'posthorn.db'));
  const file = join(dataDir, 'copy.db');
  await expectRefusal(t, dataDir, ['backup', file], /is damaged, nothing was changed/);
  assert.equal(existsSync(file), false);
});

test('A backup is refused where there is no data', async (t) => {
  const dataDir = temporaryDirectory(t);
  const file = join(dataDir, 'copy.db');
  await expectRefusal(t, dataDir, ['backup', file], /There is no data at/);
  assert.deepEqual(readdirSync(dataDir), []);
});

test('A restore is refused while a server runs on the data', async (t) => {
  const { dataDir: source } = await stoppedData(t);
  const file = join(source, 'copy.db');
  await expectSuccess(t, source, ['backup', file]);
  const dataDir = temporaryDirectory(t);
  const server = await startServer(t, { dataDir });
  const args = ['restore', file, '--force'];
  await expectRefusal(t, dataDir, args, /Another Posthorn server \(process \d+ on .*Stop it first/);
  assert.equal((await call(server.url, 'GET', '/readyz')).status, 200);
});

test('A restore is refused over data, and with --force keeps it under another name', async (t) => {
  const { dataDir, accepted } = await stoppedData(t);
  const file = join(dataDir, 'copy.db');
  await expectSuccess(t, dataDir, ['backup', file]);
  const server = await startServer(t, { dataDir });
  const later = idsOf(await publishMany(server, 5));
  // Killed, so that what was accepted last is only in the log.
  server.process.kill('SIGKILL');
  await server.process.end();

  await expectRefusal(t, dataDir, ['restore', file], /There is data at .*--force/);
  expectEvents(join(dataDir, 'posthorn.db'), [...accepted, ...later]);
  await expectSuccess(t, dataDir, ['restore', file, '--force']);
  expectEvents(join(dataDir, 'posthorn.db'), accepted);
  const aside = readdirSync(dataDir).find((name) => /before-restore-[\dTZ-]+$/.test(name));
  expectEvents(join(dataDir, String(aside)), [...accepted, ...later]);
});

test('A restore from a damaged backup, or from something else, changes nothing', async (t) => {
  const { dataDir, accepted } = await stoppedData(t);
  const file = join(dataDir, 'copy.db');
  await expectSuccess(t, dataDir, ['backup', file]);
  damage(file);
  await expectRefusal(t, dataDir, ['restore', file, '--force'], /is damaged, nothing was changed/);
  writeFileSync(file, 'not a backup');
  await expectRefusal(
    t,
    dataDir,
    ['restore', file, '--force'],
    /cannot be read|not data of Posthorn/,
  );
  expectEvents(join(dataDir, 'posthorn.db'), accepted);
});

/** Publishes one event after the other, eight at a time, until it is stopped. */
function startLoad(server: DurableServer) {
  const accepted = new Set<string>();
  const refused: unknown[] = [];
  let isOver = false;
  const running = (async () => {
    while (!isOver) {
      const answers = await publishMany(server, 8, { text: 'x'.repeat(2_000) });
      for (const id of idsOf(answers)) accepted.add(id);
      refused.push(...answers.filter((answer) => answer?.status !== 202));
    }
  })();
  return {
    accepted,
    refused,
    async stop() {
      isOver = true;
      await running;
    },
  };
}

async function expectSuccess(t: TestContext, dataDir: string, args: readonly string[]) {
  const command = run(t, { dataDir, args });
  const ended = await command.end();
  assert.deepEqual(ended, { code: 0, signal: null }, command.stderr);
}

async function expectRefusal(
  t: TestContext,
  dataDir: string,
  args: readonly string[],
  message: RegExp,
) {
  const command = run(t, { dataDir, args });
  assert.deepEqual(await command.end(), { code: 1, signal: null }, command.stdout);
  assert.match(command.stderr, message);
}

function expectEvents(file: string, wanted: readonly string[]): void {
  const data = openDataFile(file);
  assert.deepEqual(new Set(data.bodies().keys()), new Set(wanted));
  data.close();
}

/** Past the first pages, where the schema is. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes.fill(0xa5, bytes.length - 20_000, bytes.length - 1_000);
  writeFileSync(file, bytes);
}
