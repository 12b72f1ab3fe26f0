import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RunningProcess } from './support/child-process.ts';
import { cleanEnvironment, temporaryDirectory } from './support/server-process.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CACHE = 'node_modules/.cache/posthorn';

test('what a start has compiled is kept beside the packages for the next', async (t) => {
  // A copy of what runs, so that the folder is a new one.
  const root = temporaryDirectory(t);
  for (const path of ['server/src', 'server/package.json', 'receiver', 'package.json']) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  const program = join(root, 'server/src/cli/compile-cache.ts');
  const { NODE_COMPILE_CACHE: _, ...environment } = cleanEnvironment();
  const run = new RunningProcess({
    command: process.execPath,
    args: ['--eval', `import(${JSON.stringify(program)})`],
    environment,
  });
  assert.deepEqual(await run.end(), { code: 0, signal: null });
  assert.ok(existsSync(join(root, CACHE)), run.stderr);
  assert.ok(readdirSync(join(root, CACHE)).length > 0);
});
