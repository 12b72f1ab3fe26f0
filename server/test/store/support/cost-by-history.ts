import type { TestContext } from 'node:test';
import type pg from 'pg';
import { DEFAULT_ACCOUNT_ID } from '../../../src/core/ids.ts';
import { explained } from './explained.ts';
import { fill } from './filled-postgres.ts';
import { openMeasuredWork, type Work } from './postgres-work.ts';

/** For each event that is published and settled. */
export interface Cost {
  pages: number;
  logBytes: number;
  /** Milliseconds of a round, the shortest of several. */
  ms: number;
}

export interface Measured {
  work: Work;
  client: pg.Client;
  /** Of so many rounds, beside the history that there is. */
  cost(rounds: number): Promise<Cost>;
}

const WEBHOOKS = 4;

/** A store with so much history, analysed as it would have been when it had become so much. */
export async function openWithHistory(t: TestContext, history: number): Promise<Measured> {
  const { work, client } = await openMeasuredWork(t, { webhooks: WEBHOOKS });
  const webhookIds = work.webhooks.map(({ id }) => id);
  await fill(client, {
    accountId: DEFAULT_ACCOUNT_ID,
    webhookIds,
    deliveries: history,
    pendingOneIn: 0,
  });
  await client.query('vacuum analyze');
  await work.round();
  return { work, client, cost: (rounds) => costOf({ work, client }, rounds) };
}

export async function costByHistory(
  t: TestContext,
  { history, rounds }: { history: number; rounds: number },
): Promise<Cost> {
  return await (await openWithHistory(t, history)).cost(rounds);
}

async function costOf({ work, client }: Omit<Measured, 'cost'>, rounds: number): Promise<Cost> {
  const [logBefore, endedBefore] = [await logEnd(client), work.ended];
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await work.round();
    times.push(performance.now() - startedAt);
  }
  const log = (await logEnd(client)) - logBefore;
  const events = work.ended - endedBefore;
  const statements = await explained(() => work.round());
  const pages = statements.reduce((sum, { buffers }) => sum + buffers, 0);
  const eventsOfARound = events / rounds;
  return {
    pages: rounded(pages / eventsOfARound),
    logBytes: rounded(log / events),
    ms: rounded(Math.min(...times)),
  };
}

/** Bytes that the server has written to its log. */
async function logEnd(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float as position`,
  );
  return rows[0].position;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
