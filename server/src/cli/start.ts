import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createIds, DEFAULT_ACCOUNT_ID, type NewId } from '../core/ids.ts';
import type { Clock, Random, Timer, Vault } from '../core/ports.ts';
import type { DrainReport } from '../engine/drain-report.ts';
import { createAuthenticate } from '../http/authenticate.ts';
import type { DevPages } from '../http/dev/dev-pages.ts';
import type { Api } from '../http/routes/context.ts';
import { createHttpServer } from '../http/server.ts';
import { startLog } from '../observe/log.ts';
import { startMainMetrics } from '../observe/metrics.ts';
import { metricsText } from '../observe/metrics-text.ts';
import { createAddressPolicy } from '../platform/address-policy.ts';
import { createAnnouncements } from '../platform/announcements.ts';
import { systemClock } from '../platform/clock.ts';
import { deliveryThreads } from '../platform/cores.ts';
import { createCursors } from '../platform/cursors.ts';
import { createDataSchemas } from '../platform/data-schemas.ts';
import { descriptorLimit, socketShares } from '../platform/descriptors.ts';
import { lookUpSlots } from '../platform/look-ups.ts';
import { createRandom } from '../platform/random.ts';
import { createVault } from '../platform/vault.ts';
import { createService, type Service } from '../service/service.ts';
import type { Gathered } from '../threads/gather.ts';
import {
  type Database,
  startThreads,
  type ThreadSettings,
  type Threads,
} from '../threads/threads.ts';
import { withoutPassword } from './setting-kinds.ts';
import type { Settings } from './settings.ts';
import { version } from './version.ts';

export interface StartOptions {
  settings: Settings;
  encryptionKey: Uint8Array;
  /** Keys that speak for the default account. */
  apiKeys: readonly string[];
  /** The page at `/` and the built-in receiver, in `dev`. */
  dev?: DevPages;
  /** Such processes that share this machine's cores, this one included; 1 when it is not given. */
  processes?: number;
  /** What `/metrics` tells, where it is not of this process alone. */
  gather?: (() => Promise<Gathered>) | undefined;
  /** A part that everything depends on fell. */
  crashed: (error: Error) => void;
}

export interface RunningServer {
  /** Where it answers, for example `http://127.0.0.1:4900`. */
  url: string;
  /** Where the data is, for people to read. */
  dataPlace: string;
  service: Service;
  /** What this process has measured. */
  measured(): Promise<Gathered>;
  /** Refuses new requests, finishes what is in progress within the limit, writes it, lets go. */
  stop(drainLimitMs: number): Promise<DrainReport>;
}

/** What every part of a run shares. */
interface Parts {
  options: StartOptions;
  database: Database;
  clock: Clock;
  random: Random;
  newId: NewId;
  vault: Vault;
  threads: Threads;
}

/** A node that falls is missed for so long at most. */
const LEASE_MS = 5_000;
/** What is in progress of a shard that moves to another node holds it back for so long at most. */
const RELEASE_LIMIT_MS = 5_000;

/** Wires a whole server together: store thread, delivery threads, and the API on this one. */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { settings, encryptionKey } = options;
  const clock = systemClock;
  const random = createRandom();
  const newId = createIds({ clock, random });
  const database = databaseOf(settings, newId);
  if (database.kind === 'sqlite' && database.path !== ':memory:') {
    mkdirSync(dirname(database.path), { recursive: true });
  }
  const vault = createVault(encryptionKey);
  const stopLog = startLog({ level: settings.logLevel });
  const threads = await startThreads(threadSettings(options, database), options.crashed);
  const letGo = async (drainLimitMs: number) => {
    const report = await threads.drain(drainLimitMs);
    await threads.store.close();
    stopLog();
    return report;
  };
  try {
    await expectSameKey(threads.store.vaultCheck, vault);
    const parts = { options, database, clock, random, newId, vault, threads };
    return await serveOn(parts, letGo);
  } catch (error) {
    // Threads that nobody stops would keep the process alive.
    await letGo(0);
    throw error;
  }
}

function databaseOf(settings: Settings, newId: NewId): Database {
  const { databaseUrl, directDatabaseUrl, dataDir, migrate } = settings;
  if (databaseUrl === null) return { kind: 'sqlite', path: join(dataDir, 'posthorn.db') };
  if (databaseUrl.kind === 'sqlite') return databaseUrl;
  const node = { id: newId('node'), leaseMs: LEASE_MS, releaseLimitMs: RELEASE_LIMIT_MS };
  const listenUrl = directDatabaseUrl ?? databaseUrl.url;
  return { ...databaseUrl, listenUrl, migrates: migrate === 'auto', node };
}

function threadSettings(
  { settings, encryptionKey, processes = 1 }: StartOptions,
  database: Database,
): ThreadSettings {
  return {
    database,
    deliveryThreads: settings.deliveryThreads ?? deliveryThreads(processes),
    engine: {
      schedule: settings.retrySchedule,
      attemptTimeoutMs: settings.attemptTimeoutMs,
      userAgent: `${settings.productName}-Webhooks/1.0`,
      onGone: settings.onGone,
      concurrencyMax: settings.concurrencyMax,
      disableAfterMs: settings.disableAfterMs,
      backlogMax: settings.backlogMax,
      inFlightMax: settings.inFlightMax,
    },
    allowNetworks: settings.allowNetworks,
    socketsMax: socketShares(descriptorLimit()).outgoing,
    lookUpsMax: lookUpSlots(),
    encryptionKey,
    log: { level: settings.logLevel },
  };
}

/** The API, and then the deliveries. `letGo` ends the threads. */
async function serveOn(
  parts: Parts,
  letGo: (drainLimitMs: number) => Promise<DrainReport>,
): Promise<RunningServer> {
  const { clock, threads, database } = parts;
  const { settings } = parts.options;
  const service = serviceOf(parts);
  const requests = { inProgress: 0 };
  const metrics = startMainMetrics(
    () => ({
      http_requests_in_progress: requests.inProgress,
      store_calls_waiting: threads.storeCallsWaiting(),
    }),
    { version: version(), node: process.versions.node },
  );
  const measured = async () => {
    const { reports, silent } = await threads.metrics();
    return { reports: [metrics.report(), ...reports], silent };
  };
  const { gather = measured } = parts.options;
  let isDraining = false;
  const server = createHttpServer({
    service,
    authenticate: createAuthenticate(
      parts.options.apiKeys.map((key) => ({ key, accountId: DEFAULT_ACCOUNT_ID })),
    ),
    announcements: createAnnouncements(),
    clock,
    cursors: createCursors(parts.options.encryptionKey),
    newId: parts.newId,
    isDraining: () => isDraining,
    hasLease: () => threads.lease.isValid(),
    requests,
    async metrics() {
      const { reports, silent } = await gather();
      return metricsText(reports, { silent });
    },
    dev: parts.options.dev,
    corsOrigins: settings.corsOrigins,
    limits: {
      requestBytesMax: settings.requestBytesMax,
      requestTimeoutMs: settings.requestTimeoutMs,
      requestsMax: settings.requestsMax,
      requestRate: settings.requestRate,
    },
  });
  // Beyond, a connection is closed at once: no descriptor is taken from deliveries and the store.
  // One of several processes would pass it on to the next, and all of them for ever when they are full.
  const { accepted } = socketShares(descriptorLimit());
  Object.assign(server.server, { maxConnections: accepted, dropMaxConnection: true });
  await server.listen({ host: settings.host, port: settings.port });
  // Only now: a start that fails for its port must not send anything, and the built-in receiver
  // of `dev`, which answers there, may be the first to get something.
  await threads.startDelivery();
  const housekeeping = every(HOUSEKEEPING_MS, () => service.forgetExpired());

  return {
    url: urlOf(settings.host, server.server.address() as AddressInfo),
    dataPlace: database.kind === 'sqlite' ? database.path : withoutPassword(database.url),
    service,
    measured,
    async stop(drainLimitMs) {
      isDraining = true;
      housekeeping.cancel();
      const endsAt = clock.monotonic() + drainLimitMs;
      // Deliveries first: one that started now could be for a receiver behind this very server.
      await threads.hold();
      await closeWithin(server, clock, drainLimitMs);
      metrics.stop();
      return letGo(Math.max(0, endsAt - clock.monotonic()));
    },
  };
}

function serviceOf({ options, clock, random, newId, vault, threads }: Parts): Service {
  const { settings } = options;
  const { store, control } = threads;
  const addresses = createAddressPolicy(settings.allowNetworks);
  return createService({
    store,
    control,
    clock,
    random,
    vault,
    dataSchemas: createDataSchemas(),
    newId,
    urlRule: {
      allowHttp: settings.allowHttp,
      // Who allows a network has receivers in it, and names for them.
      allowLocalNames: settings.allowNetworks.length > 0,
      addresses,
    },
    limits: {
      eventBytesMax: settings.eventBytesMax,
      webhooksPerAccountMax: settings.webhooksMax,
      idempotencyKeepMs: settings.idempotencyKeepMs,
    },
  });
}

/** A data file that was written with another encryption key would fail at every single delivery. */
async function expectSameKey(
  vaultCheck: (sealed: string) => Promise<string>,
  vault: Vault,
): Promise<void> {
  const place = 'vault-check';
  try {
    vault.open(await vaultCheck(vault.seal('posthorn', place)), place);
  } catch (cause) {
    throw new Error(
      'This data was encrypted with another key: start with the POSTHORN_ENCRYPTION_KEY it was made with, ' +
        'or on other data ("posthorn dev" encrypts with a key of its own).',
      { cause },
    );
  }
}

/** Refuses new connections and waits for the requests in progress; at the limit it cuts them off. */
async function closeWithin(server: Api, clock: Clock, limitMs: number): Promise<void> {
  const limit = clock.after(limitMs, () => server.server.closeAllConnections());
  await server.close();
  limit.cancel();
}

const HOUSEKEEPING_MS = 60 * 60_000;

/** What can wait: when it fails it is tried again the next time. */
function every(ms: number, work: () => Promise<unknown>): Timer {
  const timer = setInterval(() => void work().catch(() => {}), ms);
  return { cancel: () => clearInterval(timer) };
}

function urlOf(host: string, { port }: AddressInfo): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
