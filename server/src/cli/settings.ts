import { formatDuration } from '../core/duration.ts';
import { ON_GONE } from '../core/model.ts';
import { DOCUMENTED_SCHEDULE_MS } from '../core/schedule.ts';
import { CONCURRENCY_MAX } from '../core/webhook-settings.ts';
import {
  base64Key,
  boolean,
  bytes,
  databasePlace,
  duration,
  integer,
  type Kind,
  logLevel,
  networks,
  oneOf,
  origins,
  postgresUrl,
  printable,
  productName,
  schedule,
  text,
} from './setting-kinds.ts';

export { SettingFault } from './setting-kinds.ts';

/** The forms of the program whose defaults may differ. */
export const MODES = ['dev', 'serve'] as const;
export type Mode = (typeof MODES)[number];

/**
 * A setting: how its text is read, and what it is when nothing is given. Environment, `_FILE`
 * variants, flags, `posthorn config` and `docs/configuration.md` all follow from it.
 */
export interface Setting<Value> extends Kind<Value> {
  env: `POSTHORN_${string}`;
  /** As text, the way a user would write it; null: there is none. */
  default: Record<Mode, string | null>;
  /** Why `serve` does not start without it, as the rest of "… is needed: "; null: it does. */
  neededToServe: string | null;
  /** Never shown, never a flag (those are visible to every user of the machine); may come from a file. */
  secret: boolean;
  /** What an empty value means: usually the default; for lists, an empty list. */
  emptyIsValue: boolean;
  describe: string;
}

/** A data file has one server, which always migrates it. */
const MIGRATE = ['auto', 'never'] as const;

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const KIB = 1_024;

/** Every setting there is, in the order in which people read them. */
export const SETTINGS = {
  dataDir: setting('POSTHORN_DATA_DIR', text, {
    default: '.posthorn',
    describe: 'Where files are kept.',
  }),
  databaseUrl: setting('POSTHORN_DATABASE_URL', databasePlace, {
    default: null,
    describe: 'Where the data is; unset: `posthorn.db` in the data directory.',
  }),
  directDatabaseUrl: setting('POSTHORN_DATABASE_DIRECT_URL', postgresUrl, {
    default: null,
    describe:
      'The same PostgreSQL without a pooler in between, where nodes hear of one another sooner; unset: the URL above.',
  }),
  migrate: setting('POSTHORN_MIGRATE', oneOf(MIGRATE), {
    default: 'auto',
    describe:
      'Whether a start brings the schema of a PostgreSQL up to date; `never`: `posthorn migrate` does.',
  }),
  host: setting('POSTHORN_HOST', text, {
    default: { dev: '127.0.0.1', serve: '0.0.0.0' },
    describe: 'The address to listen on.',
  }),
  port: setting('POSTHORN_PORT', integer(0, 65_535), {
    default: '4900',
    describe: 'The port to listen on; 0 takes a free one.',
  }),
  rootKey: setting('POSTHORN_ROOT_KEY', printable(32, 512), {
    default: null,
    secret: true,
    neededToServe: "the operator's API key, at least 32 characters.",
    describe: "The operator's API key.",
  }),
  encryptionKey: setting('POSTHORN_ENCRYPTION_KEY', base64Key, {
    default: null,
    secret: true,
    neededToServe:
      'base64 of 32 bytes, made with "openssl rand -base64 32". Keep it: secrets cannot be read without it.',
    describe: 'Encrypts secrets at rest; `dev` makes one for itself.',
  }),
  productName: setting('POSTHORN_PRODUCT_NAME', productName, {
    default: 'Posthorn',
    describe: 'Your product, for `User-Agent: <name>-Webhooks/1.0`.',
  }),
  retrySchedule: setting('POSTHORN_RETRY_SCHEDULE', schedule, {
    default: DOCUMENTED_SCHEDULE_MS.map((ms) => formatDuration(ms)).join(','),
    describe:
      'The wait before attempt 1, 2, …, of which the first is not waited for; the number of waits is the number of attempts.',
  }),
  attemptTimeoutMs: setting('POSTHORN_ATTEMPT_TIMEOUT', duration(100, 5 * MINUTE_MS), {
    default: '15s',
    describe: 'The time one exchange may take in all.',
  }),
  onGone: setting('POSTHORN_ON_GONE', oneOf(ON_GONE), {
    default: 'retry',
    describe:
      'What a 410 does where a webhook does not say: it is retried, or disables the webhook.',
  }),
  disableAfterMs: setting('POSTHORN_DISABLE_AFTER', duration(0, 90 * DAY_MS), {
    default: '5d',
    describe: 'A webhook whose attempts all failed for so long is disabled; `0s`: never.',
  }),
  allowNetworks: setting('POSTHORN_ALLOW_NETWORKS', networks, {
    default: { dev: '127.0.0.0/8,::1/128', serve: '' },
    emptyIsValue: true,
    describe: 'Networks that webhooks may reach although they are not public.',
  }),
  allowHttp: setting('POSTHORN_ALLOW_HTTP', boolean, {
    default: { dev: 'true', serve: 'false' },
    describe: 'Whether webhooks may have `http://` URLs.',
  }),
  processes: setting('POSTHORN_PROCESSES', integer(1, 64), {
    default: null,
    describe:
      'Processes that `serve` shares its work among, over PostgreSQL; unset: one for each 4 cores, at least 1 and at most 8.',
  }),
  deliveryThreads: setting('POSTHORN_DELIVERY_THREADS', integer(1, 64), {
    default: null,
    describe:
      'Threads that deliver, in each process; unset: one for each core of its share but two, at least 1 and at most 8.',
  }),
  inFlightMax: setting('POSTHORN_IN_FLIGHT_MAX', integer(1, 65_536), {
    default: '6144',
    describe:
      'Exchanges with receivers in progress at once in a process, shared by its delivery threads.',
  }),
  concurrencyMax: setting('POSTHORN_CONCURRENCY_MAX', integer(1, CONCURRENCY_MAX), {
    default: '64',
    describe: 'The same for one webhook, where it does not say.',
  }),
  backlogMax: setting('POSTHORN_BACKLOG_MAX', integer(1, 100_000_000), {
    default: '1000000',
    describe: 'Pending deliveries a webhook may have; one that has more is disabled.',
  }),
  webhooksMax: setting('POSTHORN_WEBHOOKS_MAX', integer(1, 100_000), {
    default: '1000',
    describe: 'Webhooks an account may have; it bounds the deliveries that one event makes.',
  }),
  eventBytesMax: setting('POSTHORN_EVENT_BYTES_MAX', bytes(KIB, KIB * KIB), {
    default: '102400',
    describe: 'The size of a delivered body; many receivers refuse more than the default.',
  }),
  requestBytesMax: setting('POSTHORN_REQUEST_BYTES_MAX', bytes(KIB, 16 * KIB * KIB), {
    default: '1048576',
    describe: 'The size of a request body at the API.',
  }),
  requestsMax: setting('POSTHORN_REQUESTS_MAX', integer(1, 100_000), {
    default: '5000',
    describe:
      'Requests in progress at once at the API, in each process; beyond, they are answered with 503.',
  }),
  requestRate: setting('POSTHORN_REQUEST_RATE', integer(0, 1_000_000), {
    default: '0',
    describe:
      'Requests per second that one API key may send to each process; beyond, 429. 0: no limit.',
  }),
  corsOrigins: setting('POSTHORN_CORS_ORIGINS', origins, {
    default: '',
    emptyIsValue: true,
    describe: 'Origins whose pages may call the API from browsers; empty: none.',
  }),
  requestTimeoutMs: setting('POSTHORN_REQUEST_TIMEOUT', duration(100, 10 * MINUTE_MS), {
    default: '30s',
    describe: 'The time in which a request must have arrived in full.',
  }),
  idempotencyKeepMs: setting('POSTHORN_IDEMPOTENCY_KEEP', duration(SECOND_MS, 30 * DAY_MS), {
    default: '24h',
    describe: 'How long an idempotency key and its answer are remembered.',
  }),
  drainLimitMs: setting('POSTHORN_DRAIN_LIMIT', duration(0, 10 * MINUTE_MS), {
    default: { dev: '5s', serve: '20s' },
    describe: 'The time to finish exchanges in progress when asked to stop.',
  }),
  logLevel: setting('POSTHORN_LOG_LEVEL', logLevel, {
    default: { dev: 'warn', serve: 'info' },
    describe: 'From which level on the log is written.',
  }),
};

export type SettingName = keyof typeof SETTINGS;

/** The names, in the table's order. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** What commands that call a server read; in the environment of one they do no harm. */
export const CALLER_VARIABLES = ['POSTHORN_URL', 'POSTHORN_API_KEY', 'POSTHORN_API_KEY_FILE'];

/** What a run goes by; null where there is no default and nothing was given. */
export type Settings = {
  [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['parse']> | NullIfUnset<Name>;
};
type NullIfUnset<Name> = Name extends
  | 'databaseUrl'
  | 'rootKey'
  | 'encryptionKey'
  | 'processes'
  | 'deliveryThreads'
  | 'directDatabaseUrl'
  ? null
  : never;

/** The flag of a setting: `POSTHORN_RETRY_SCHEDULE` → `--retry-schedule`. Secrets have none. */
export function flagOf({ env }: { env: string }): string {
  return `--${env.slice('POSTHORN_'.length).toLowerCase().replaceAll('_', '-')}`;
}

/** The variable that names a file with the value of a secret. */
export function fileVariable(env: string): string {
  return `${env}_FILE`;
}

function setting<Value>(
  env: `POSTHORN_${string}`,
  kind: Kind<Value>,
  options: {
    default: string | null | Record<Mode, string | null>;
    describe: string;
    secret?: boolean;
    neededToServe?: string;
    emptyIsValue?: boolean;
  },
): Setting<Value> {
  const { default: fallback, describe, secret = false, emptyIsValue = false } = options;
  const both = fallback !== null && typeof fallback === 'object';
  return {
    env,
    ...kind,
    default: both ? fallback : { dev: fallback, serve: fallback },
    neededToServe: options.neededToServe ?? null,
    secret,
    emptyIsValue,
    describe,
  };
}
