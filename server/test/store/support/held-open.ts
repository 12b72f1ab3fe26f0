import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { cleanUp } from '../../system/support/clean-up.ts';
import { pagesOf } from './explained.ts';
import { openMeasuredWork, pacedWork, type Work } from './postgres-work.ts';

/** What it costs to find the work of all lanes: pages of the database, and time. */
export interface Cost {
  pages: number;
  ms: number;
}

export interface HeldOpen {
  first: Cost;
  last: Cost;
  /** In the order of time. */
  pages: number[];
  ms: number[];
}

const MEASURED_TIMES = 10;
const TIMED_ROUNDS = 5;
/** The first cost is that of lanes that have worked for a moment. */
const WARM_SECONDS = 2;

/** Delivers beside a transaction that sees all that there ever was, and measures meanwhile. */
export async function heldOpen(
  t: TestContext,
  options: { webhooks: number; perSecond: number; seconds: number },
): Promise<HeldOpen> {
  const { url, work } = await openMeasuredWork(t, options);
  const holding = new pg.Client(url);
  await holding.connect();
  cleanUp(t, () => holding.end());
  await holding.query('begin isolation level repeatable read');
  await holding.query('select count(*) from pending');

  const costs: Cost[] = [];
  const every = Math.max(1, Math.floor(options.seconds / MEASURED_TIMES));
  const measure = async () => void costs.push(await costOf(work));
  await pacedWork(work, { ...options, seconds: WARM_SECONDS });
  await measure();
  await pacedWork(work, {
    ...options,
    everySecond: async (second) => {
      if (second > 0 && second % every === 0) await measure();
    },
  });
  await measure();
  await holding.query('commit');
  const [first, last] = [costs[0], costs.at(-1)];
  assert.ok(first !== undefined && last !== undefined);
  return { first, last, pages: costs.map(({ pages }) => pages), ms: costs.map(({ ms }) => ms) };
}

async function costOf(work: Work): Promise<Cost> {
  const findAll = async () => {
    for (const webhook of work.webhooks) await work.due(webhook);
  };
  let pages = 0;
  for (const webhook of work.webhooks) pages += await pagesOf(() => work.due(webhook));
  const times: number[] = [];
  for (let round = 0; round < TIMED_ROUNDS; round++) {
    const startedAt = performance.now();
    await findAll();
    times.push(performance.now() - startedAt);
  }
  return { pages, ms: Math.round(Math.min(...times) * 10) / 10 };
}
