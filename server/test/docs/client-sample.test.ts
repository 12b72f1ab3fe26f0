// Runs the sample of the client in docs/rest-api.md as a program of its own, against a server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { snippetsOf } from './support/snippets.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);
const samples = snippetsOf('docs/rest-api.md', 'ts');

test('the sample of the client does what its page says', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const program = samples
    .take(/createClient/)
    .replace('http://127.0.0.1:4900', server.url)
    .replace('YOUR_API_KEY', server.key)
    .replace('https://yourdomain.com/webhooks', receiver.url);

  const folder = await mkdtemp(join(tmpdir(), 'posthorn-client-sample-'));
  t.after(() => rm(folder, { recursive: true }));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'sample.mts'), program);
  const { stdout } = await run(process.execPath, [join(folder, 'sample.mts')]);
  assert.match(stdout, /^true user\.created\nnot_found req_\w+\n$/);
  assert.equal((await receiver.next()).header('X-Webhook-Event'), 'user.created');
});
