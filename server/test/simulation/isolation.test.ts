// One webhook's trouble is nobody else's: a tenth of the bounds and of the webhooks, the same rates.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HEADERS } from '@posthorn/receiver';
import { createIds, DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import type { LaneHealth, Webhook } from '../../src/core/model.ts';
import type { Exchange, Transport } from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { ALWAYS_VALID } from '../../src/engine/lease.ts';
import { createAnnouncements } from '../../src/platform/announcements.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createLocalStore } from '../../src/store/sqlite/local-store.ts';
import { createFakeClock, type FakeClock } from '../engine/support/fake-clock.ts';
import { engineSettings, WHOLE_RUN } from '../engine/support/settings.ts';
import { webhookOf } from '../store/contract/fixtures.ts';
import { type Chance, createChance } from './chance.ts';

const IN_FLIGHT_MAX = 614;
const DURATION_MS = 40_000;
const HANGS = Number.POSITIVE_INFINITY;
/** A tick: what is published within it is published together. */
const TICK_MS = 20;

interface Kind {
  name: string;
  count: number;
  /** How long the receiver takes; short times are spread exponentially. */
  takesMs: number;
  /** From when on it hangs. */
  hangsFromMs?: number;
  /** Events per second, for each webhook. */
  perSecond: number;
  health?: LaneHealth;
}

const HEALTHY: Kind = { name: 'healthy', count: 20, takesMs: 100, perSecond: 25 };
const HUNG: Kind = { name: 'hung', count: 600, takesMs: HANGS, perSecond: 0.5 };

const SCENARIOS: readonly {
  title: string;
  kinds: readonly Kind[];
  waits: Record<string, number>;
}[] = [
  { title: '600 new webhooks hang', kinds: [HEALTHY, HUNG], waits: { healthy: 100 } },
  {
    title: '100 proven webhooks hang at once after 10 s',
    kinds: [
      HEALTHY,
      { name: 'later hung', count: 100, takesMs: 100, perSecond: 10, hangsFromMs: 10_000 },
    ],
    waits: { healthy: 200 },
  },
  {
    title: 'a mix in which nobody hangs',
    kinds: [
      { name: '10 ms', count: 5, takesMs: 10, perSecond: 40 },
      { name: '100 ms', count: 5, takesMs: 100, perSecond: 40 },
      { name: '500 ms', count: 5, takesMs: 500, perSecond: 40 },
      { name: '5 s', count: 5, takesMs: 5_000, perSecond: 2 },
    ],
    waits: { '10 ms': 100, '100 ms': 200, '500 ms': 2_500, '5 s': 10_000 },
  },
  {
    title: '30 proven receivers of 10 s with a backlog',
    kinds: [
      { ...HEALTHY, count: 10, health: 'proven' },
      { name: '10 s', count: 30, takesMs: 10_000, perSecond: 20, health: 'proven' },
    ],
    waits: { healthy: 300 },
  },
  {
    title: 'a restart with 600 known to fail and 20 known to be well',
    kinds: [
      { ...HEALTHY, health: 'proven' },
      { ...HUNG, health: 'failing' },
    ],
    waits: { healthy: 100 },
  },
  {
    title: '300 new ones hang beside 10 new ones that are well',
    kinds: [
      { name: 'new, well', count: 10, takesMs: 100, perSecond: 5 },
      { ...HUNG, count: 300 },
    ],
    waits: { 'new, well': 1_000 },
  },
  {
    title: 'slow ones that are well, beside 100 that hang',
    kinds: [
      { name: '100 ms', count: 5, takesMs: 100, perSecond: 40 },
      { name: '3 s', count: 5, takesMs: 3_000, perSecond: 2 },
      { ...HUNG, count: 100, perSecond: 1 },
    ],
    waits: { '100 ms': 200, '3 s': 4_000 },
  },
];

for (const { title, kinds, waits } of SCENARIOS) {
  test(`With ${title}, the 99th percentile of a first attempt's wait stays short`, async (t) => {
    const waited = await run(t, kinds);
    for (const [name, mostMs] of Object.entries(waits)) {
      const ms = percentile(waited.get(name) ?? [], 0.99);
      t.diagnostic(`${name}: p50 ${percentile(waited.get(name) ?? [], 0.5)} ms, p99 ${ms} ms`);
      assert.ok(ms <= mostMs, `${name}: ${ms} ms, at most ${mostMs}`);
    }
  });
}

/** The waits for the first attempt, by kind; what has not started at the end has waited until then. */
async function run(t: TestContext, kinds: readonly Kind[]): Promise<Map<string, number[]>> {
  const clock = createFakeClock();
  const chance = createChance(1);
  const newId = createIds({ clock, random: chance });
  const vault = createVault(new Uint8Array(32).fill(7));
  const published = new Map<string, { kind: Kind; at: number }>();
  const waited = new Map<string, number[]>(kinds.map(({ name }) => [name, []]));
  const kindOf = new Map<string, Kind>();
  const started = (eventId: string) => {
    const event = published.get(eventId);
    if (event === undefined) return;
    published.delete(eventId);
    waited.get(event.kind.name)?.push(clock.monotonic() - event.at);
  };
  const transport = transportOf({ clock, chance, kindOf, started });
  const store = createLocalStore(':memory:', { newId, handOver: (all) => engine.handOver(all) });
  t.after(() => store.close());
  const ports = { store, transport, clock, random: chance, vault, newId };
  const engine = createEngine(
    { ...ports, announcements: createAnnouncements(), lease: ALWAYS_VALID },
    engineSettings({ inFlightMax: IN_FLIGHT_MAX }),
  );
  const webhooks = await subscribe();
  await engine.own(WHOLE_RUN);
  const { version } = await store.subscriptions(DEFAULT_ACCOUNT_ID);

  for (let at = 0; at < DURATION_MS; at += TICK_MS) {
    await publish(
      webhooks.filter(({ kind }) => chance.happens((kind.perSecond * TICK_MS) / 1_000)),
    );
    await clock.advance(TICK_MS);
  }
  for (const { kind, at } of published.values()) waited.get(kind.name)?.push(DURATION_MS - at);
  return waited;

  async function subscribe(): Promise<{ webhook: Webhook; kind: Kind }[]> {
    const all: { webhook: Webhook; kind: Kind }[] = [];
    for (const kind of kinds) {
      for (let index = 0; index < kind.count; index++) {
        const made = webhookOf(DEFAULT_ACCOUNT_ID, newId('webhook'), clock.now());
        const ref = { accountId: made.accountId, webhookId: made.id };
        const webhook = {
          ...made,
          secretSealed: vault.seal('a_secret_of_a_webhook', secretPlace(ref)),
        };
        await store.createWebhook(webhook, { perAccountMax: 10_000 });
        if (kind.health !== undefined) {
          const usualMs = kind.takesMs === HANGS ? null : kind.takesMs;
          const memory = { health: kind.health, usualMs, failingSince: null, failedAttempts: 0 };
          await store.rememberLane(ref, memory);
        }
        kindOf.set(new URL(webhook.url).href, kind);
        all.push({ webhook, kind });
      }
    }
    return all;
  }

  async function publish(some: readonly { webhook: Webhook; kind: Kind }[]): Promise<void> {
    if (some.length === 0) return;
    const events = some.map(({ webhook, kind }) => {
      const id = newId('event');
      published.set(id, { kind, at: clock.monotonic() });
      const deliveries = [{ id: newId('delivery', id), webhookId: webhook.id }];
      const of = { accountId: DEFAULT_ACCOUNT_ID, type: 'user.created', createdAt: clock.now() };
      return { ...of, id, body: '{}', deliveries };
    });
    const said = await store.publish({
      accountId: DEFAULT_ACCOUNT_ID,
      webhooksVersion: version,
      events,
    });
    assert.deepEqual(said, { result: 'accepted' });
  }
}

function transportOf(of: {
  clock: FakeClock;
  chance: Chance;
  kindOf: ReadonlyMap<string, Kind>;
  started: (eventId: string) => void;
}): Transport {
  const { clock, chance, kindOf, started } = of;
  const ok: Exchange = {
    kind: 'response',
    status: 200,
    responseTimeMs: 1,
    body: '',
    retryAfter: null,
    note: null,
  };
  return {
    send({ url, headers }, ended) {
      started(String(headers[headers.indexOf(HEADERS.eventId) + 1]));
      const kind = kindOf.get(url.href);
      if (kind === undefined) throw new Error(`nobody is at ${url.href}`);
      let isOpen = true;
      const end = (exchange: Exchange) => {
        if (!isOpen) return;
        isOpen = false;
        ended(exchange);
      };
      const hangs = kind.takesMs === HANGS || clock.monotonic() >= (kind.hangsFromMs ?? HANGS);
      const spread = kind.takesMs < 1_000 ? -Math.log(1 - chance.fraction()) : 1;
      if (!hangs) clock.after(Math.ceil(kind.takesMs * spread), () => end(ok));
      return { expire: () => end({ kind: 'failure', failure: 'timeout', note: null }) };
    },
    close: async () => {},
  };
}

function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0);
}
