import { copyFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { createIds, DEFAULT_ACCOUNT_ID } from '../../../src/core/ids.ts';
import type { Clock, Control, DueDelivery, Transport } from '../../../src/core/ports.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import { ALWAYS_VALID } from '../../../src/engine/lease.ts';
import { createAddressPolicy } from '../../../src/platform/address-policy.ts';
import { createAnnouncements } from '../../../src/platform/announcements.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createDataSchemas } from '../../../src/platform/data-schemas.ts';
import { createRandom } from '../../../src/platform/random.ts';
import { createVault } from '../../../src/platform/vault.ts';
import { createService, type Service } from '../../../src/service/service.ts';
import { type StoreCall, storeOver } from '../../../src/store/calls.ts';
import { openDatabase, waitShortly } from '../../../src/store/sqlite/database.ts';
import { createExecutor } from '../../../src/store/sqlite/executor.ts';
import { migrate } from '../../../src/store/sqlite/migrate.ts';
import { createQueue } from '../../../src/store/sqlite/queue.ts';
import { engineSettings, WHOLE_RUN } from '../../engine/support/settings.ts';
import type { FaultInjector } from './faulty-database.ts';

/** Waits are cut short: what matters is what happens after them. */
const WAIT_MS_MAX = 5;
const SCHEDULE_MS = [0, 5, 5, 5, 5, 5];
const clock: Clock = {
  ...systemClock,
  after: (ms, call) => systemClock.after(Math.min(ms, WAIT_MS_MAX), call),
};
const random = createRandom();
const newId = createIds({ clock, random });
const vault = createVault(new Uint8Array(32));

export const STEADY_URL = 'http://127.0.0.1:1/steady';
/** Refuses each event once. */
export const RELUCTANT_URL = 'http://127.0.0.1:1/reluctant';

/** What the receivers saw, over all lives of a world. */
export class Receivers {
  /** Requests by URL and event that were answered 2xx. */
  readonly delivered = new Map<string, number>();
  readonly #refused = new Set<string>();

  readonly transport: Transport = {
    send: ({ url, headers }, ended) => {
      const place = headers.findIndex((name) => name.toLowerCase() === 'webhook-id');
      const key = `${url.href} ${headers[place + 1]}`;
      const refuses = url.href === RELUCTANT_URL && !this.#refused.has(key);
      this.#refused.add(key);
      if (!refuses) this.delivered.set(key, (this.delivered.get(key) ?? 0) + 1);
      const status = refuses ? 500 : 200;
      const answer = { responseTimeMs: 1, body: '', retryAfter: null, note: null };
      setImmediate(ended, { kind: 'response', status, ...answer });
      return { expire: () => {} };
    },
    close: async () => {},
  };
}

/** One life of Posthorn in this thread: service, engine and store over one data file. */
export interface Life {
  service: Service;
  /** Fulfilled when the store could not go on, as when the process ends. */
  broken: Promise<Error>;
  start(): Promise<void>;
  end(): Promise<void>;
}

export function live(file: string, receivers: Receivers, faults: FaultInjector | null): Life {
  const db = openDatabase(file);
  migrate(db);
  waitShortly(db);
  faults?.infect(db);
  const { promise: broken, resolve } = Promise.withResolvers<Error>();
  // A life that is over hands nothing to its engine any more.
  let isOver = false;
  const handOver = (deliveries: DueDelivery[]) => {
    setImmediate(() => {
      if (!isOver) engine.handOver(deliveries);
    });
  };
  const executor = createExecutor(db, { newId, handOver });
  const queue = createQueue(executor, (error) => {
    isOver = true;
    resolve(error as Error);
  });
  const call = (storeCall: StoreCall) =>
    new Promise<unknown>((resolve, reject) => {
      queue.add(storeCall, (result) => (result.ok ? resolve(result.value) : reject(result.error)));
    });
  const store = storeOver(call, async () => {});
  const announcements = createAnnouncements();
  const engine = createEngine(
    {
      ...{ store, transport: receivers.transport, clock, random, vault, newId, announcements },
      lease: ALWAYS_VALID,
    },
    engineSettings({ schedule: SCHEDULE_MS, attemptTimeoutMs: 1_000 }),
  );
  const control: Control = engine;
  const service = createService({
    store,
    control,
    clock,
    random,
    vault,
    dataSchemas: createDataSchemas(),
    newId,
    urlRule: {
      allowHttp: true,
      allowLocalNames: true,
      addresses: createAddressPolicy(['127.0.0.0/8']),
    },
    limits: { eventBytesMax: 10_000, webhooksPerAccountMax: 10, idempotencyKeepMs: 60_000 },
  });

  return {
    service,
    broken,
    start: () => engine.own(WHOLE_RUN),
    async end() {
      // The process of a broken store is gone; nothing of it goes on.
      if (!isOver) await engine.drain(1_000);
      isOver = true;
      db.close();
    },
  };
}

/** A data file with a webhook for each of the receivers. */
export async function makeTemplate(file: string): Promise<void> {
  const life = live(file, new Receivers(), null);
  for (const url of [STEADY_URL, RELUCTANT_URL]) {
    await life.service.webhooks.create(DEFAULT_ACCOUNT_ID, { url, events: ['*'] });
  }
  await life.end();
}

export function copyTemplate(template: string, file: string): void {
  copyFileSync(template, file);
}

/** What is stored, read past all faults. */
export interface Stored {
  events: Map<string, { statuses: string[]; data: unknown }>;
  pending: number;
}

export function look(file: string): Stored {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = db
    .prepare(`
      select e.body, group_concat(d.status) as statuses
      from events e
      left join deliveries d on d.account_id = e.account_id and d.event_id = e.id
      group by e.id
    `)
    .all();
  db.close();
  const events = new Map(
    rows.map(({ body, statuses }) => {
      const { id, data } = JSON.parse(String(body));
      return [String(id), { statuses: String(statuses ?? '').split(','), data }];
    }),
  );
  const pending = [...events.values()].flatMap(({ statuses }) => statuses);
  return { events, pending: pending.filter((status) => status === 'pending').length };
}
