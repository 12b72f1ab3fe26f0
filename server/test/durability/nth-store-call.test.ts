// Every call of the database over publish, delivery, retry and settlement fails once, in each way.
// `FAULT_TIMES` sets how many calls in a row fail.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import { DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import type { Once } from '../../src/core/once.ts';
import { StoreBrokenError } from '../../src/store/sqlite/faults.ts';
import { until } from '../support/until.ts';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { FAULTS, FaultInjector, type FaultPlan } from './support/faulty-database.ts';
import {
  copyTemplate,
  type Life,
  live,
  look,
  makeTemplate,
  RELUCTANT_URL,
  Receivers,
  STEADY_URL,
} from './support/small-world.ts';

const TIMES = Number(process.env.FAULT_TIMES ?? 1);
/** Worlds that live side by side: most of their time is waits. */
const WORLDS_AT_ONCE = 24;
const DELIVERED_TWICE = ['delivered', 'delivered'];

for (const kind of FAULTS) {
  test(`Whichever call of the database fails (${kind}), what was accepted is delivered and what was refused left nothing`, async (t) => {
    const folder = temporaryDirectory(t);
    const template = join(folder, 'template.db');
    await makeTemplate(template);
    const world = (name: string, plan: FaultPlan | null) => {
      const file = join(folder, `${name}.db`);
      copyTemplate(template, file);
      return runWorld(file, plan).finally(() => rmSync(file));
    };
    const faultless = await world('faultless', null);
    assert.deepEqual([faultless.refused, faultless.lives], [0, 1]);

    const next = Array.from({ length: faultless.calls }, (_, at) => at).values();
    const sums = { injected: 0, accepted: 0, refused: 0, restarts: 0 };
    const oneAfterTheOther = async () => {
      for (const at of next) {
        const seen = await world(`${kind.replaceAll(/\W/g, '-')}-${at}`, {
          kind,
          at,
          times: TIMES,
        });
        sums.injected += seen.injected;
        sums.accepted += seen.accepted;
        sums.refused += seen.refused;
        sums.restarts += seen.lives - 1;
      }
    };
    await Promise.all(Array.from({ length: WORLDS_AT_ONCE }, oneAfterTheOther));
    t.diagnostic(`${faultless.calls} calls, ${JSON.stringify(sums)}`);
    assert.ok(sums.injected >= faultless.calls * 0.8, 'nearly every planned fault came about');
    if (kind === 'full') assert.ok(sums.refused > 0);
    if (kind.startsWith('I/O')) assert.ok(sums.restarts > 0);
  });
}

async function runWorld(file: string, plan: FaultPlan | null) {
  const receivers = new Receivers();
  const faults = new FaultInjector(plan);
  const accepted = new Set<string>();
  let refused = 0;
  let lives = 1;
  let life = live(file, receivers, faults);
  await outlive(() => begin(life));
  for (const publish of PUBLISHES) {
    for (const id of await outlive(() => publish(life))) accepted.add(id);
  }
  await until(`all is delivered, with ${JSON.stringify(plan)}`, async () => {
    await outlive(async () => []);
    return look(file).pending === 0;
  });
  // The same call until it is accepted: it makes one event, or finds the one that there is.
  const [again] = await until('the call with the key is accepted', async () => {
    const ids = await outlive(() => publishOnce(life));
    return ids.length === 1 && ids;
  });
  accepted.add(String(again));
  await until('the last is delivered', async () => {
    await outlive(async () => []);
    return look(file).pending === 0;
  });
  await life.end();
  expectAllKept(file, accepted, { receivers, lives, plan });
  return {
    calls: faults.calls,
    injected: faults.injected,
    accepted: accepted.size,
    refused,
    lives,
  };

  /** Does it in this life; when the process would end, another life begins. */
  async function outlive(work: () => Promise<string[]>): Promise<string[]> {
    const ended = await Promise.race([life.broken, answerOf(work)]);
    if (ended === 'refused') {
      refused += 1;
      return [];
    }
    if (!(ended instanceof Error)) return ended;
    if (!(ended instanceof StoreBrokenError)) throw ended;
    await life.end();
    lives += 1;
    life = live(file, receivers, faults);
    return outlive(() => begin(life));
  }
}

/** A server whose store cannot be read at the start ends as well, and is started again. */
async function begin(life: Life): Promise<string[]> {
  try {
    await life.start();
    return [];
  } catch (cause) {
    throw new StoreBrokenError('disk_failed', 'the start failed', { cause });
  }
}

/** A refusal is 503 `store_unavailable` with a time to come again; nothing else is one. */
async function answerOf(work: () => Promise<string[]>): Promise<string[] | 'refused' | Error> {
  try {
    return await work();
  } catch (error) {
    const isRefusal = error instanceof PosthornError && error.code === 'store_unavailable';
    if (isRefusal && error.retryAfterSeconds === 1) return 'refused';
    return error as Error;
  }
}

const one = (number: number) => ({ type: 'user.created', data: { number } });
const ONCE: Once<{ id: string }> = {
  key: 'the-key',
  fingerprint: 'the-call',
  answer: ({ id }) => ({ status: 202, body: JSON.stringify({ id }) }),
};

async function publishOnce({ service }: Life): Promise<string[]> {
  const outcome = await service.events.publish(DEFAULT_ACCOUNT_ID, one(0), ONCE);
  return ['replay' in outcome ? String(JSON.parse(outcome.replay.body).id) : outcome.result.id];
}

async function publishOne({ service }: Life, number: number): Promise<string[]> {
  const outcome = await service.events.publish(DEFAULT_ACCOUNT_ID, one(number));
  if ('replay' in outcome) throw new Error('a publish without a key is never a replay');
  return [outcome.result.id];
}

async function publishBatch({ service }: Life): Promise<string[]> {
  const outcome = await service.events.publishBatch(DEFAULT_ACCOUNT_ID, [one(8), one(9)]);
  if ('replay' in outcome) throw new Error('a publish without a key is never a replay');
  return outcome.result.map(({ id }) => id);
}

const PUBLISHES: ((life: Life) => Promise<string[]>)[] = [
  (life) => publishOne(life, 1),
  publishOnce,
  publishBatch,
  (life) => publishOne(life, 2),
];

function expectAllKept(
  file: string,
  accepted: ReadonlySet<string>,
  { receivers, lives, plan }: { receivers: Receivers; lives: number; plan: FaultPlan | null },
): void {
  const what = JSON.stringify(plan);
  const { events } = look(file);
  for (const id of accepted) {
    assert.deepEqual(events.get(id)?.statuses, DELIVERED_TWICE, `${id} with ${what}`);
    for (const url of [STEADY_URL, RELUCTANT_URL]) {
      const times = receivers.delivered.get(`${url} ${id}`) ?? 0;
      assert.ok(times >= 1, `${id} did not arrive at ${url} with ${what}`);
      // Only a life that ended in between makes a second request.
      assert.ok(times <= lives, `${id} arrived ${times} times at ${url} with ${what}`);
    }
  }
  for (const seen of receivers.delivered.keys()) {
    const id = seen.slice(seen.indexOf(' ') + 1);
    assert.ok(events.has(id), `${id} was sent and is not stored, with ${what}`);
  }
  // An event without an answer may be there when the process ended; then it is there as a whole.
  if (lives === 1)
    assert.equal(events.size, accepted.size, `a refused event is stored with ${what}`);
  for (const { statuses } of events.values()) assert.deepEqual(statuses, DELIVERED_TWICE, what);
  const withKey = [...events.values()].filter(
    ({ data }) => JSON.stringify(data) === '{"number":0}',
  );
  assert.equal(withKey.length, 1, `one event for one key with ${what}`);
}
