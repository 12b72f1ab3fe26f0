import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));

test('a quick bench measures every scenario and leaves nothing behind', async (context) => {
  const scratch = mkdtempSync(join(tmpdir(), 'posthorn-smoke-'));
  context.after(() => rmSync(scratch, { recursive: true }));
  const out = join(scratch, 'report.json');
  const data = mkdtempSync(join(scratch, 'data-'));

  const args = [RUN, '--quick', '--dir', data, '--out', out];
  const { stdout } = await promisify(execFile)(process.execPath, args);

  const { samples, loop } = JSON.parse(readFileSync(out, 'utf8'));
  assert.deepEqual(
    samples.throughput.map(({ fanOut }: { fanOut: number }) => fanOut),
    [1, 10],
  );
  assert.equal(samples.latency.length, 2);
  assert.ok(loop.median > 0);
  assert.match(stdout, /fan-out 10/);
  assert.deepEqual(readdirSync(data), []);
});
