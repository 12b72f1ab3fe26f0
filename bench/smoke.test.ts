import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Samples } from './results.ts';
import type { Verdict } from './verdicts.ts';

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));

test('a quick bench measures every scenario and leaves nothing behind', async (context) => {
  const scratch = mkdtempSync(join(tmpdir(), 'posthorn-smoke-'));
  context.after(() => rmSync(scratch, { recursive: true }));
  // PostgreSQL does not run as root: where this does, it has to get to what is its own in there.
  chmodSync(scratch, 0o711);
  const out = join(scratch, 'report.json');
  const data = mkdtempSync(join(scratch, 'data-'));
  chmodSync(data, 0o711);

  const args = [RUN, '--quick', '--dir', data, '--out', out];
  // Some twenty servers start: the second and later ones need not read the same code anew.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(scratch, 'compiled') };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });

  const report = JSON.parse(readFileSync(out, 'utf8'));
  const samples: Samples = report.samples;
  assert.deepEqual(report.failures, []);
  assert.deepEqual(
    samples.throughput.map(({ fanOut }) => fanOut),
    [1, 10],
  );
  assert.equal(samples.latency.length, 2);
  assert.ok(report.loop.median > 0);
  assert.match(stdout, /fan-out 10/);
  assertNeighboursWerePlayed(samples);
  assertNothingIsMissing(report.verdicts);
  assert.deepEqual(readdirSync(data), []);
});

function assertNeighboursWerePlayed({ hung, slow, classes, isolation, backlog, idle }: Samples) {
  const [hungPair] = hung;
  assert.equal(hungPair?.without.hung, 0);
  assert.ok((hungPair?.with.hung ?? 0) >= 5, 'each of the 5 has a request that hangs');
  assert.equal(slow.length, 1);
  assert.deepEqual(
    classes?.together.map(({ delayMs }) => delayMs),
    [10, 100],
  );
  assert.ok((isolation?.beside.hung ?? 0) > 5, 'some of the 5 have a second request that hangs');
  assert.ok((isolation?.beside.slices.length ?? 0) > 1);
  assert.equal(backlog[0]?.pending, 1_002);
  assert.equal(backlog[0]?.throughput[0]?.with.counts.pending, 1_002);
  assert.equal(idle.length, 1);
}

/** The only verdicts that a smoke run can be held to. */
function assertNothingIsMissing(verdicts: readonly Verdict[]) {
  const arrival = verdicts.filter(({ what }) => what.startsWith('deliveries that'));
  assert.deepEqual(
    arrival.map(({ result }) => result),
    ['goal met', 'goal met'],
  );
}
