// Plants one bug at a time in a copy of the source, and counts the seeds until the simulation finds it.
//
//   npm run sim:planted [-- part of a name]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { World } from './seeds.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SEEDS_MAX = 2_000;
const AT_ONCE = 2;

export interface PlantedBug {
  name: string;
  /** Where it is looked for. */
  world: World;
  /** Below `server/src`. What stands in for a database of several nodes is in the simulation itself. */
  file: string;
  /** Stands there exactly once. */
  from: string;
  to: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  bug('the schedule is off by one', 'core/schedule.ts', 'schedule[made]', 'schedule[made - 1]'),
  bug('jitter goes backwards', 'core/schedule.ts', 'endedAt + delay +', 'endedAt + delay -'),
  bug(
    'a retry counts from the start of the attempt',
    'engine/flights.ts',
    '      endedAt,\n      fraction',
    '      endedAt: flight.startedAt,\n      fraction',
  ),
  bug(
    'a late outcome revives what was cancelled',
    'store/sqlite/settle.ts',
    "where seq = ?11 and account_id = ?12 and status = 'pending'",
    'where seq = ?11 and account_id = ?12',
  ),
  bug(
    'a hold is not heeded',
    'engine/flights.ts',
    "if (exchange.kind === 'response' && lane.url === flight.sender.url) this.#hold(lane, exchange);",
    '',
  ),
  bug(
    'a hold is forgotten when the webhook is read again',
    'engine/gates.ts',
    'lane.heldUntil = isNewReceiver ? target.heldUntil : later(lane.heldUntil, target.heldUntil);',
    'lane.heldUntil = null;',
  ),
  bug(
    'the next attempt ignores the hold',
    'engine/dispatcher.ts',
    'return heldUntil === null ? Number.NEGATIVE_INFINITY : this.#monotonicAt(heldUntil);',
    'return heldUntil === null ? Number.NEGATIVE_INFINITY : this.#clock.monotonic() - 1;',
  ),
  bug(
    'a strict lane does not wait for the settlement',
    'engine/lane.ts',
    'const slots = this.isStrict ? 1 : this.receiver.slots;',
    'const slots = this.receiver.slots;',
  ),
  bug(
    'a strict lane takes what is handed over',
    'engine/gates.ts',
    '!lane.more && !lane.isStrict && lane.room > 0',
    '!lane.more && lane.room > 0',
  ),
  bug(
    'a strict lane lets its head go',
    'engine/flights.ts',
    'if (isPending && lane.isStrict) lane.readAgain(delivery);\n    else lane.release(delivery);',
    'lane.release(delivery);',
  ),
  bug(
    'a refill forgets that there is more',
    'engine/refills.ts',
    'lane.more ||= !isOfUse || (found?.more ?? true);',
    'lane.more = false;',
  ),
  bug(
    'a hand-over that finds no room is dropped',
    'engine/gates.ts',
    '    else lane.more = true;\n',
    '',
  ),
  bug(
    'a retry is not woken',
    'engine/flights.ts',
    'if (isPending && !lane.isClosed) dispatcher.dueAt(lane, dueAt);',
    '',
  ),
  bug(
    'a failed read is not made again',
    'engine/gates.ts',
    'this.#ports.clock.after(STORE_RETRY_MS, () => this.#load(lane));',
    '',
  ),
  bug(
    'a failed settlement is not written again',
    'engine/settler.ts',
    'this.#waiting = [...batch, ...this.#waiting];',
    '',
  ),
  bug(
    'a change is acknowledged before it is read',
    'engine/gates.ts',
    "lane.gate = 'loading';\n    await this.#readOrRetry(lane);",
    'void this.#readOrRetry(lane).catch(() => {});',
  ),
  bug(
    'a paused lane goes on with what it has',
    'engine/gates.ts',
    "if (target?.status === 'active') {",
    "if (target?.status === 'active' || target?.status === 'paused') {",
  ),
  bug(
    'a cancelled delivery stays in the queue',
    'engine/lane.ts',
    'if (waiting === undefined) return;',
    'return;',
  ),
  bug(
    'a cancelled delivery gets its second try',
    'engine/flights.ts',
    'if (flight.isCancelled) return false;',
    '',
  ),
  bug(
    'a rate limit forgets what may have been in progress at a crash',
    'engine/rate-of-lane.ts',
    'Array<number>(unrecorded).fill(fellBefore)',
    '[]',
  ),
  bug(
    'a rate limit forgets what was sent before a restart',
    'engine/rate-of-lane.ts',
    '...stored.map((moment) => moment - aheadMs)',
    '',
  ),
  bug(
    'a rate limit counts one too few',
    'engine/rate-window.ts',
    'if (length < places) return',
    'if (length <= places) return',
  ),
  bug(
    'a second try does not count for the rate',
    'engine/flights.ts',
    'const writtenAgain = this.#beforeArrival(lane, flight);',
    'const writtenAgain = undefined;',
  ),
  bug(
    'what was never tried is not found after a crash',
    'store/sqlite/due.ts',
    'const neverTried = wanted(fresh.all(...key, rowsMax(request)), request);\n    const again',
    'const neverTried: number[] = [];\n    const again',
  ),
  bug(
    'a recovery makes what was delivered',
    'store/sqlite/recoveries.ts',
    "status in ('pending', 'delivered')",
    "status in ('pending')",
  ),
  bug(
    'the second try is signed with the same secret',
    'engine/sender.ts',
    "return than === 'newest' ? 'before' : 'newest';",
    'return than;',
  ),
  bug(
    'that a receiver knows the new secret is not stored',
    'engine/flights.ts',
    'store.preferNewSecret(lane.webhook, sender.secretSealed).catch(() => {});',
    'void store;',
  ),
  bug(
    'a first try is forgotten when the second is not sent',
    'engine/flights.ts',
    'else if (flight.firstTry !== null) this.#onlyFirstSent(lane, flight, flight.firstTry);',
    '',
  ),
  bug(
    'a delivery is released before it is settled',
    'engine/flights.ts',
    '    this.#parts.settler.add(',
    '    lane.release(delivery);\n    this.#parts.settler.add(',
  ),
  bug(
    'a slot of a strict lane is free before the settlement',
    'engine/lane.ts',
    'return this.unsettled.size < (isExact ? slots : UNSETTLED_MAX);',
    'return true;',
  ),
  bug(
    'a 2xx that was in progress ends a hold',
    'engine/flights.ts',
    'if (attempt.failure === null) {',
    'if (attempt.failure === null) {\n      lane.heldUntil = null;',
  ),
  bug(
    'a hold is not stored',
    'engine/flights.ts',
    'store.holdWebhook(ref, until).catch(() => {',
    'Promise.resolve().catch(() => {',
  ),
  bug(
    'a shorter hold takes the place of a longer one',
    'engine/flights.ts',
    'until <= (lane.heldUntil ?? 0)',
    'until <= 0',
  ),
  bug(
    'a window is not halved',
    'engine/receiver-state.ts',
    'Math.max(WINDOW_MIN, Math.min(this.#window, this.windowMax) / 2)',
    'Math.max(WINDOW_MIN, Math.min(this.#window, this.windowMax))',
  ),
  bug(
    'a window grows beyond its limit',
    'engine/receiver-state.ts',
    'return Math.min(this.windowMax, Math.floor(this.#window));',
    'return Math.floor(this.#window);',
  ),
  bug(
    'a receiver that is gone is asked again',
    'engine/flights.ts',
    "if (isGone(attempt) && lane.disablesWhenGone) flight.disables = 'gone';\n    else if",
    'if',
  ),
  bug(
    'what is in progress is not counted after a webhook was disabled',
    'engine/gates.ts',
    'const isNewReceiver = lane.url !== target.url;',
    'const isNewReceiver = lane.sender?.url !== target.url;',
  ),
  bug(
    'a cancellation overtakes the hand-over',
    'engine/engine.ts',
    '      await store.target(webhook);\n',
    '',
  ),
  bug(
    'what was accepted since a webhook is enabled again is cancelled',
    'store/sqlite/cancel.ts',
    'if (ended.get(bare(accountId), bare(webhookId)) === undefined) return 0;',
    'void ended;',
  ),
  bug(
    'an attempt before is not kept',
    'store/sqlite/settle.ts',
    'keepAttemptBefore.run(',
    'void (',
  ),
  bug(
    'a recovery looks at the same events again',
    'store/sqlite/recoveries.ts',
    'goOn.run(reached, missed.length',
    'goOn.run(position, missed.length',
  ),
  bug(
    'a publish against an old version is accepted',
    'store/sqlite/publish.ts',
    'version.get(account)?.webhooks_version !== webhooksVersion',
    'version.get(account)?.webhooks_version === -1',
  ),
  bug(
    'a publish keeps its event and loses a delivery',
    'store/sqlite/publish.ts',
    'for (const { id, webhookId } of event.deliveries) {',
    'for (const { id, webhookId } of event.deliveries.slice(0, 2)) {',
  ),
  bug(
    'an idempotency key is not kept',
    'store/sqlite/publish.ts',
    'once.keep(account, publish.once);',
    '',
  ),
  bug(
    'a number is given to two attempts',
    'engine/flights.ts',
    'number: delivery.attemptCount + 1,',
    'number: Math.max(1, delivery.attemptCount),',
  ),
  bug(
    'a strict lane reads what was never tried first',
    'store/sqlite/due.ts',
    '[...neverTried, ...triedBefore].sort((a, b) => a - b)',
    '[...neverTried, ...triedBefore]',
  ),
  nodesBug(
    'a hand-over counts under whatever epoch it was made',
    'engine/engine.ts',
    'if (lane === undefined || lane.tenure.epoch !== (delivery.epoch ?? SOLE_EPOCH)) continue;',
    'if (lane === undefined) continue;',
  ),
  nodesBug(
    'the lease is not looked at',
    'engine/engine.ts',
    'isStuck: () => settler.isStuck || !hasLease(),',
    'isStuck: () => settler.isStuck,',
  ),
  nodesBug(
    'a lease lasts from when its renewal was answered',
    'engine/nodes/node.ts',
    'lease.extend(sentAt + leaseMs * (1 - MARGIN_PART));',
    'lease.extend(this.#ports.clock.monotonic() + leaseMs);',
  ),
  nodesBug(
    'a lease is measured by the wall clock',
    'engine/nodes/node-lease.ts',
    'clock.monotonic() < validUntil,\n    extend(until) {\n      validUntil = until;',
    'clock.now() < validUntil,\n    extend(until) {\n      validUntil = until + clock.now() - clock.monotonic();',
  ),
  nodesBug(
    'leases are written and judged by the wall clocks of the nodes',
    '../test/simulation/nodes/nodes-simulation.ts',
    'now: () => clock.now(),',
    'now: (asker) => (this.#nodes.find(({ id }) => id === asker)?.machine ?? clock).now(),',
  ),
  nodesBug(
    'a lease that ran out is valid before what was changed meanwhile is heard',
    'engine/nodes/node.ts',
    'if (!lease.isValid()) await this.#hearAll();',
    '',
  ),
  nodesBug(
    'a lease is valid before the engine knows what was taken',
    'engine/nodes/node.ts',
    'if (lost.length > 0) await this.#asked(',
    'if (lost.length > 0) void this.#asked(',
  ),
  nodesBug(
    'what others have left is forgotten before it was acted upon',
    'engine/nodes/node.ts',
    'await this.#asked(server.woken(wakes));',
    'void server.woken(wakes);',
  ),
  nodesBug(
    'what others have left is read only when somebody says so',
    'engine/nodes/node.ts',
    "if (this.#state !== 'out') this.#pollAfter(POLL_MS);",
    '',
  ),
  nodesBug(
    'a shard whose taking was not answered is left alone',
    'engine/nodes/node.ts',
    'this.#shards.add({ ...row, drained: false });',
    '',
  ),
  nodesBug(
    'a shard that was released is taken up again by an older answer',
    'engine/nodes/node-shards.ts',
    ' && !knownBefore.has(shard)',
    '',
  ),
  nodesBug(
    'a change is acknowledged by a node that only believes to own the shard',
    'engine/nodes/node.ts',
    'return this.#ports.lease.isValid() && this.#shards.keeps(shard);',
    'return this.#shards.keeps(shard);',
  ),
  nodesBug(
    'a change of a shard that is leaving is not told to the engine here',
    'engine/nodes/node-control.ts',
    'if (node.serves(shard)) await here();',
    'if (node.owns(shard)) await here();',
  ),
  nodesBug(
    'a change at another node is acknowledged at once',
    'engine/nodes/node-control.ts',
    'if (!node.owns(shard)) await untilKnown(webhook, parts);',
    'void untilKnown(webhook, parts).catch(() => {});',
  ),
  nodesBug(
    'a change at another node leaves what is in memory',
    'engine/gates.ts',
    'this.find(webhook.webhookId)?.dropWaiting();',
    '',
  ),
  nodesBug(
    'a recovery that was created at another node does not begin',
    'engine/engine.ts',
    'if (changed.has(webhook.webhookId)) recoveries.begin(webhook, id);',
    '',
  ),
  nodesBug(
    'what is pending at another node is not read',
    'engine/gates.ts',
    'this.#backlog.added(lane, count);\n    if (!lane.isClosed) lane.more = true;',
    'this.#backlog.added(lane, count);',
  ),
  nodesBug(
    'what others publish is not counted',
    'engine/gates.ts',
    'this.#backlog.added(lane, count);',
    '',
  ),
  nodesBug(
    'what is counted twice disables a webhook',
    'engine/backlog.ts',
    'if (counted > this.#max) await',
    'if (lane.pending > this.#max) await',
  ),
  nodesBug(
    'a shard is released with something in progress, as if there were nothing',
    'engine/shards.ts',
    'const isQuiet = await this.#quiet(lanes, endsAt);',
    'const isQuiet = true;',
  ),
  nodesBug(
    'a shard that is given up goes on',
    'engine/gates.ts',
    'lane.gate = gate;',
    "if (gate === 'lost') lane.gate = gate;",
  ),
  nodesBug(
    'a shard that is lost goes on with what it has',
    'engine/shards.ts',
    'for (const lane of gates.lanesOf(shard)) gates.lose(lane);',
    '',
  ),
  nodesBug(
    'what was begun under one epoch is settled under the next',
    'engine/flights.ts',
    'const { epoch } = lane.tenure;',
    'const { epoch } = (this.#parts.gates.find(webhookId) ?? lane).tenure;',
  ),
  nodesBug(
    'what another node has on record as later than now keeps a rate back until then',
    'engine/rate-of-lane.ts',
    '    .map((moment) => Math.min(moment, latest))\n',
    '',
  ),
  nodesBug(
    'a rate limit forgets what was sent before its shard changed hands',
    'engine/rate-of-lane.ts',
    '...stored.map((moment) => moment - aheadMs)',
    '',
  ),
  nodesBug(
    'a rate limit forgets what an owner that fell may have had in progress',
    'engine/tenures.ts',
    'drained ? null : now',
    'null',
  ),
  nodesBug(
    'what was never tried waits for the moment at which another node says that it was accepted',
    'engine/dispatcher.ts',
    'head.attemptCount === 0 ? null : this.#monotonicAt(head.dueAt)',
    'this.#monotonicAt(head.dueAt)',
  ),
  nodesBug(
    'what was never tried is not found before that moment, either',
    'store/sqlite/due.ts',
    'const neverTried = wanted(fresh.all(...key, rowsMax(request)), request);\n    const again',
    'const neverTried = wanted(fresh.all(...key, rowsMax(request)), request).filter(\n      (seq) => Number(bySeq.get(seq, key[0])?.due_at) <= dueBefore,\n    );\n    const again',
  ),
  nodesBug(
    'a settlement is not fenced',
    '../test/simulation/nodes/nodes-database.ts',
    'return this.table.isEpoch(of) ? this.lifeOf(of) : null;',
    'return this.lifeOf(of);',
  ),
  nodesBug(
    'a publish goes by belief, and leaves nothing for the owner of a shard that was lost',
    '../test/simulation/nodes/nodes-database.ts',
    'return epoch !== undefined && this.table.isEpoch({ shard, epoch }) ? epoch : null;',
    'return epoch ?? null;',
  ),
  nodesBug(
    'what others have left is forgotten under whatever epoch',
    '../test/engine/support/ownership-table.ts',
    'shards.filter((one) => this.isEpoch(one)).map(({ shard }) => shard)',
    'shards.map(({ shard }) => shard)',
  ),
  nodesBug(
    'what others have left is forgotten by the shard, not by its id',
    '../test/engine/support/ownership-table.ts',
    'this.#wakes.filter(({ id }) => !ids.has(id))',
    'this.#wakes.filter(({ id, shard }) => !ids.has(id) && !ours.has(shard))',
  ),
  nodesBug(
    'a shard is taken from an owner whose lease holds',
    '../test/engine/support/ownership-table.ts',
    'owner === null || !this.#hasLease(owner, asker));',
    'owner !== undefined);',
  ),
];

/** How often its text stands in the source. */
export function placesOf({ file, from }: Omit<PlantedBug, 'world'>): number {
  return readFileSync(join(ROOT, 'server/src', file), 'utf8').split(from).length - 1;
}

/** How many seeds it took, or null when none of them showed it. */
export async function seedsUntilFound(
  planted: PlantedBug,
  { from, seeds }: { from: number; seeds: number },
): Promise<number | null> {
  return await withPlanted(planted, async (copy) => {
    const file = join(copy, 'server/test/simulation/run.ts');
    const args = [file, '--first', '--from', String(from), '--seeds', String(seeds)];
    if (planted.world === 'nodes') args.push('--nodes');
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    return code === 0 ? null : (JSON.parse(said || '{"seeds":1}') as { seeds: number }).seeds;
  });
}

/** Does something with a copy of the source, and of what tests it, that has this bug. */
export async function withPlanted<Result>(
  planted: Omit<PlantedBug, 'world'>,
  work: (copy: string) => Promise<Result>,
): Promise<Result> {
  // Within the repository, so that packages are found.
  const copy = mkdtempSync(join(ROOT, '.planted-'));
  try {
    for (const part of [
      'src',
      'test/simulation',
      'test/engine',
      'test/store',
      'test/core',
      'test/system',
      'test/support',
    ]) {
      cpSync(join(ROOT, 'server', part), join(copy, 'server', part), { recursive: true });
    }
    plant(join(copy, 'server/src', planted.file), planted);
    return await work(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function plant(file: string, { name, from, to }: Omit<PlantedBug, 'world'>): void {
  const source = readFileSync(file, 'utf8');
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`"${name}": stands ${parts.length - 1} times in ${file}`);
  writeFileSync(file, parts.join(to));
}

function bug(name: string, file: string, from: string, to: string): PlantedBug {
  return { name, world: 'one', file, from, to };
}

function nodesBug(name: string, file: string, from: string, to: string): PlantedBug {
  return { name, world: 'nodes', file, from, to };
}

if (import.meta.main) {
  const [, , part = ''] = process.argv;
  const left = plantedBugs.filter(({ name, world }) => name.includes(part) || world === part);
  const missed: string[] = [];
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const seeds = await seedsUntilFound(next, { from: 1, seeds: SEEDS_MAX });
      if (seeds === null) missed.push(next.name);
      console.log(`${seeds === null ? 'NOT FOUND' : String(seeds).padStart(9)}  ${next.name}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log(`${missed.length} of ${plantedBugs.length} were not found`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}
