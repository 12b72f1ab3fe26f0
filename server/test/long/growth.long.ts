// What millions of deliveries leave behind in PostgreSQL, and what a transaction that is held open makes
// of the cost of finding work. `DELIVERIES`, `HISTORY`, `HELD_SECONDS` and `PER_SECOND` make it shorter.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWithHistory } from '../store/support/cost-by-history.ts';
import { heldOpen } from '../store/support/held-open.ts';
import { openMeasuredWork, sizesOf } from '../store/support/postgres-work.ts';

const DELIVERIES = Number(process.env.DELIVERIES ?? 2_000_000);
const HISTORY = Number(process.env.HISTORY ?? 200_000);
const HELD_SECONDS = Number(process.env.HELD_SECONDS ?? 600);
const PER_SECOND = Number(process.env.PER_SECOND ?? 500);
const MEASURED_TIMES = 10;
const WEBHOOKS = 20;
const FAILING_ONE_IN = 20;
/** Autovacuum looks once a minute: what ends meanwhile is what the indexes have to hold. */
const INDEX_BYTES_MAX = 256 * 2 ** 20;
const COST_GROWTH_MAX = 3;
const HISTORY_COST_GROWTH_MAX = 1.1;

test(`After ${DELIVERIES} deliveries the table of what is pending is as small as ever`, {
  timeout: 3_600_000,
}, async (t) => {
  const options = { webhooks: WEBHOOKS, failingOneIn: FAILING_ONE_IN };
  const { work, client } = await openMeasuredWork(t, options);
  let biggest = 0;
  for (let part = 1; part <= MEASURED_TIMES; part++) {
    const startedAt = performance.now();
    const before = work.ended;
    while (work.ended < (DELIVERIES / MEASURED_TIMES) * part) await work.round();
    const perSecond = (work.ended - before) / ((performance.now() - startedAt) / 1_000);
    const sizes = await sizesOf(client);
    biggest = Math.max(biggest, sizes.pendingBytes + sizes.pendingIndexBytes);
    t.diagnostic(JSON.stringify({ ended: work.ended, perSecond: Math.round(perSecond), ...sizes }));
  }
  assert.ok(biggest <= INDEX_BYTES_MAX, `${biggest} bytes`);
});

test(`Beside a transaction held for ${HELD_SECONDS} s, finding work costs what it cost at first`, {
  timeout: 3_600_000,
}, async (t) => {
  const { first, last, pages, ms } = await heldOpen(t, {
    webhooks: WEBHOOKS,
    perSecond: PER_SECOND,
    seconds: HELD_SECONDS,
  });
  t.diagnostic(JSON.stringify({ first, last, pages, ms }));
  assert.ok(last.pages <= COST_GROWTH_MAX * first.pages, `pages: ${pages.join(' ')}`);
  assert.ok(last.ms <= COST_GROWTH_MAX * first.ms, `milliseconds: ${ms.join(' ')}`);
});

test(`An event costs the same beside ${10 * HISTORY} deliveries as beside ${HISTORY}`, {
  timeout: 3_600_000,
}, async (t) => {
  const few = await openWithHistory(t, HISTORY);
  const many = await openWithHistory(t, 10 * HISTORY);
  const ratios = { pages: [] as number[], logBytes: [] as number[], ms: [] as number[] };
  // In turns, so that what else the machine does meets both.
  for (let turn = 0; turn < MEASURED_TIMES; turn++) {
    const [before, after] = [await few.cost(MEASURED_TIMES), await many.cost(MEASURED_TIMES)];
    for (const figure of ['pages', 'logBytes', 'ms'] as const) {
      ratios[figure].push(after[figure] / before[figure]);
    }
  }
  const medians = Object.entries(ratios).map(([figure, all]) => [figure, median(all)] as const);
  t.diagnostic(JSON.stringify(Object.fromEntries(medians)));
  for (const [figure, ratio] of medians) {
    assert.ok(ratio <= HISTORY_COST_GROWTH_MAX, `${figure}: ${ratio}`);
  }
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
