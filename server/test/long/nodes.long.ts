// A million events at two and at five real nodes that are killed, frozen past their lease, drained and
// started again meanwhile. `EVENTS` (in all), `NODES`, `MINUTES` (in all) and `SEED` change it.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { FATES } from '../system/support/nodes.ts';
import { createSeededRandom } from '../system/support/seeded-random.ts';
import { type LongRun, startLongRun } from './support/long-run.ts';

const EVENTS = Number(process.env.EVENTS ?? 1_000_000);
const NODES = (process.env.NODES ?? '2,5').split(',').map(Number);
const MINUTES = Number(process.env.MINUTES ?? 60);
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));
const LOAD_MS = { min: 500, max: 8_000 };
const PART_MS_MAX = (MINUTES * 60_000) / NODES.length;
/** Of it: for the start, the rest of the deliveries and looking at the database. */
const OTHERWISE_MS = Math.min(300_000, PART_MS_MAX / 3);
const PART_EVENTS = Math.ceil(EVENTS / NODES.length);

for (const count of NODES) {
  test(`${count} nodes that come and go deliver all of ${PART_EVENTS} events`, {
    timeout: PART_MS_MAX,
  }, async (t) => {
    const startedAt = performance.now();
    const run = await startLongRun(t, { nodes: count, events: PART_EVENTS });
    const ended = { befell: await loadAndTrouble(run, startedAt), pending: await run.settle() };
    t.diagnostic(
      JSON.stringify({
        ...(await run.figures()),
        ...ended,
        seed: SEED,
        seconds: Math.round((performance.now() - startedAt) / 1_000),
      }),
    );
    await run.expectAllRight();
    assert.ok(run.accepted >= PART_EVENTS, `only ${run.accepted} were accepted in time`);
  });
}

type Befell = Record<string, { times: number; msMax: number }>;

/** Until so many are accepted and everything has happened once, or the time is up. */
async function loadAndTrouble(run: LongRun, startedAt: number): Promise<Befell> {
  const random = createSeededRandom(SEED);
  const endsAt = startedAt + PART_MS_MAX - OTHERWISE_MS;
  const befell: Befell = {};
  for (let round = 0; performance.now() < endsAt; round++) {
    if (run.accepted >= PART_EVENTS && round >= FATES.length) break;
    await after(LOAD_MS.min + random() * (LOAD_MS.max - LOAD_MS.min));
    const node = run.nodes[Math.floor(random() * run.nodes.length)];
    const fate = FATES[round % FATES.length];
    assert.ok(node !== undefined && fate !== undefined);
    const beganAt = performance.now();
    await run.befall(node, fate);
    const { times, msMax } = befell[fate] ?? { times: 0, msMax: 0 };
    const ms = Math.round(performance.now() - beganAt);
    befell[fate] = { times: times + 1, msMax: Math.max(msMax, ms) };
  }
  return befell;
}
