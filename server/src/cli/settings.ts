import { formatDuration, parseDuration } from '../core/duration.ts';
import { DOCUMENTED_SCHEDULE_MS } from '../core/schedule.ts';
import { LOG_LEVELS, type LogLevel } from '../observe/log.ts';
import { parseNetwork } from '../platform/address-policy.ts';
import { ENCRYPTION_KEY_BYTES } from '../platform/vault.ts';

/** The forms of the program whose defaults may differ. */
export type Mode = 'dev' | 'serve';

/**
 * A setting: how its text is read, and what it is when nothing is given. `parse` throws a
 * `SettingFault` that says what is allowed.
 */
export interface Setting<Value> {
  env: `POSTHORN_${string}`;
  parse: (text: string) => Value;
  /** As text, the way a user would write it; null: there is none. */
  default: Record<Mode, string | null>;
  /** Never shown, never a flag (those are visible to every user of the machine); may come from a file. */
  secret: boolean;
  /** What an empty value means: usually the default; for lists, an empty list. */
  emptyIsValue: boolean;
  describe: string;
}

export class SettingFault extends Error {
  override name = 'SettingFault';
}

/** Every setting there is, in the order in which people read them. */
export const SETTINGS = {
  dataDir: setting('POSTHORN_DATA_DIR', text, {
    default: '.posthorn',
    describe: 'Where files are kept.',
  }),
  databaseUrl: setting('POSTHORN_DATABASE_URL', databasePath, {
    default: null,
    describe: '`sqlite:<path>` or `sqlite::memory:`; unset: `posthorn.db` in the data directory.',
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
    describe: "The operator's API key: printable ASCII, at least 32 characters.",
  }),
  encryptionKey: setting('POSTHORN_ENCRYPTION_KEY', base64Key, {
    default: null,
    secret: true,
    describe: 'Encrypts secrets at rest: base64 of 32 bytes. `dev` makes one.',
  }),
  productName: setting('POSTHORN_PRODUCT_NAME', productName, {
    default: 'Posthorn',
    describe: 'Your product, for `User-Agent: <name>-Webhooks/1.0`.',
  }),
  retrySchedule: setting('POSTHORN_RETRY_SCHEDULE', schedule, {
    default: DOCUMENTED_SCHEDULE_MS.map((ms) => formatDuration(ms)).join(','),
    describe: 'The wait before attempt 1, 2, …; 1 to 20 of them, each up to 7d.',
  }),
  attemptTimeoutMs: setting('POSTHORN_ATTEMPT_TIMEOUT', duration(100, 300_000), {
    default: '15s',
    describe: 'The time one exchange may take in all.',
  }),
  allowNetworks: setting('POSTHORN_ALLOW_NETWORKS', networks, {
    default: { dev: '127.0.0.0/8,::1/128', serve: '' },
    emptyIsValue: true,
    describe: 'Networks (CIDR, by comma) that webhooks may reach although they are not public.',
  }),
  allowHttp: setting('POSTHORN_ALLOW_HTTP', boolean, {
    default: { dev: 'true', serve: 'false' },
    describe: 'Whether webhooks may have `http://` URLs.',
  }),
  logLevel: setting('POSTHORN_LOG_LEVEL', logLevel, {
    default: { dev: 'warn', serve: 'info' },
    describe: `One of ${LOG_LEVELS.join(', ')}.`,
  }),
};

export type SettingName = keyof typeof SETTINGS;

/** What a run goes by; null where there is no default and nothing was given. */
export type Settings = {
  [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['parse']> | NullIfUnset<Name>;
};
type NullIfUnset<Name> = Name extends 'databaseUrl' | 'rootKey' | 'encryptionKey' ? null : never;

/** The flag of a setting: `POSTHORN_RETRY_SCHEDULE` → `--retry-schedule`. */
export function flagOf({ env }: { env: string }): string {
  return `--${env.slice('POSTHORN_'.length).toLowerCase().replaceAll('_', '-')}`;
}

function setting<Value>(
  env: `POSTHORN_${string}`,
  parse: (text: string) => Value,
  options: {
    default: string | null | Record<Mode, string | null>;
    describe: string;
    secret?: boolean;
    emptyIsValue?: boolean;
  },
): Setting<Value> {
  const { default: fallback, describe, secret = false, emptyIsValue = false } = options;
  const both = fallback !== null && typeof fallback === 'object';
  return {
    env,
    parse,
    default: both ? fallback : { dev: fallback, serve: fallback },
    secret,
    emptyIsValue,
    describe,
  };
}

function text(value: string): string {
  return value;
}

function integer(min: number, max: number) {
  return (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    throw new SettingFault(`must be a whole number from ${min} to ${max}`);
  };
}

function boolean(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new SettingFault('must be true or false');
}

function duration(min: number, max: number) {
  return (value: string): number => {
    const ms = parseDuration(value);
    if (ms !== undefined && ms >= min && ms <= max) return ms;
    const bounds = `from ${formatDuration(min)} to ${formatDuration(max)}`;
    throw new SettingFault(`must be a duration ${bounds}, written like 500ms, 15s, 5m, 1h or 1d`);
  };
}

const SCHEDULE_STEPS_MAX = 20;
const SCHEDULE_STEP_MAX_MS = 7 * 86_400_000;

function schedule(value: string): number[] {
  const steps = items(value).map(duration(0, SCHEDULE_STEP_MAX_MS));
  if (steps.length >= 1 && steps.length <= SCHEDULE_STEPS_MAX) return steps;
  throw new SettingFault(`must have 1 to ${SCHEDULE_STEPS_MAX} durations`);
}

function networks(value: string): string[] {
  for (const network of items(value)) {
    if (parseNetwork(network) === undefined) {
      throw new SettingFault(
        `has "${network}", which is not a network such as 10.0.0.0/8 or ::1/128`,
      );
    }
  }
  return items(value);
}

function printable(min: number, max: number) {
  return (value: string): string => {
    if (/^[\x21-\x7e]*$/.test(value) && value.length >= min && value.length <= max) return value;
    throw new SettingFault(`must be ${min} to ${max} printable ASCII characters without spaces`);
  };
}

function base64Key(value: string): Uint8Array {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === ENCRYPTION_KEY_BYTES && bytes.toString('base64') === value) return bytes;
  throw new SettingFault('must be base64 of 32 bytes: make one with "openssl rand -base64 32"');
}

function productName(value: string): string {
  if (/^[A-Za-z0-9._~-]{1,64}$/.test(value)) return value;
  throw new SettingFault('must be 1 to 64 letters, digits, ".", "_", "~" or "-"');
}

function logLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level !== undefined) return level;
  throw new SettingFault(`must be one of ${LOG_LEVELS.join(', ')}`);
}

/** The path in a database URL; `:memory:` for one that is not kept. */
function databasePath(value: string): string {
  const path = value.startsWith('sqlite:') ? value.slice('sqlite:'.length) : '';
  if (path !== '') return path;
  throw new SettingFault('must be sqlite:<path> or sqlite::memory:');
}

function items(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
