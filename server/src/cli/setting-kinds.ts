import { formatDuration, parseDuration } from '../core/duration.ts';
import { LOG_LEVELS, type LogLevel } from '../observe/log.ts';
import { parseNetwork } from '../platform/address-policy.ts';
import { ENCRYPTION_KEY_BYTES } from '../platform/vault.ts';

/** How a setting's text is read. Its words are what help and reference page say about it. */
export interface Kind<Value> {
  /** One or two words: `duration`, `whole number`, … */
  type: string;
  /** What is allowed of that type; empty when everything is. */
  bounds: string;
  /** Throws a `SettingFault` that says what is allowed, and never repeats a secret. */
  parse: (text: string) => Value;
  /** What is printed of a valid one, where that is not all of it. */
  shown?: (text: string) => string;
}

export class SettingFault extends Error {
  override name = 'SettingFault';
}

export const text: Kind<string> = { type: 'text', bounds: '', parse: (value) => value };

export function integer(min: number, max: number): Kind<number> {
  return wholeNumber('whole number', min, max);
}

export function bytes(min: number, max: number): Kind<number> {
  return wholeNumber('bytes', min, max);
}

function wholeNumber(type: string, min: number, max: number): Kind<number> {
  return {
    type,
    bounds: `${min} to ${max}`,
    parse(value) {
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= min && number <= max) return number;
      throw new SettingFault(`must be a whole number from ${min} to ${max}`);
    },
  };
}

export const boolean: Kind<boolean> = {
  type: 'boolean',
  bounds: 'true or false',
  parse(value) {
    if (value === 'true' || value === 'false') return value === 'true';
    throw new SettingFault('must be true or false');
  },
};

export function duration(min: number, max: number): Kind<number> {
  const [from, to] = [formatDuration(min), formatDuration(max)];
  return {
    type: 'duration',
    bounds: `${from} to ${to}`,
    parse(value) {
      const ms = parseDuration(value);
      if (ms !== undefined && ms >= min && ms <= max) return ms;
      throw new SettingFault(
        `must be a duration from ${from} to ${to}, written like 500ms, 15s, 5m, 1h or 1d`,
      );
    },
  };
}

const SCHEDULE_STEPS_MAX = 20;
const scheduleStep = duration(0, 7 * 86_400_000);

export const schedule: Kind<number[]> = {
  type: 'durations',
  bounds: `1 to ${SCHEDULE_STEPS_MAX} by comma, each ${scheduleStep.bounds}`,
  parse(value) {
    const steps = items(value).map(scheduleStep.parse);
    if (steps.length >= 1 && steps.length <= SCHEDULE_STEPS_MAX) return steps;
    throw new SettingFault(`must have 1 to ${SCHEDULE_STEPS_MAX} durations`);
  },
};

export const networks: Kind<string[]> = {
  type: 'networks',
  bounds: 'CIDR, by comma; may be empty',
  parse(value) {
    for (const network of items(value)) {
      if (parseNetwork(network) === undefined) {
        throw new SettingFault(
          `has "${network}", which is not a network such as 10.0.0.0/8 or ::1/128`,
        );
      }
    }
    return items(value);
  },
};

export const origins: Kind<string[]> = {
  type: 'origins',
  bounds: '`https://host` or `https://host:port` (or `http:`), by comma; no `*`; may be empty',
  parse(value) {
    for (const item of items(value)) expectOrigin(item);
    return items(value);
  },
};

/** Spelt as browsers send it, since it is compared letter by letter. */
function expectOrigin(item: string): void {
  if (item.includes('*')) {
    throw new SettingFault(`has "${item}"; name each origin, for "*" would let in every page`);
  }
  const url = URL.parse(item);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (isWeb && url.origin === item) return;
  const hint = isWeb ? `; browsers send "${url.origin}"` : ' such as https://app.example.com';
  throw new SettingFault(`has "${item}", which is not an origin${hint}`);
}

export function printable(min: number, max: number): Kind<string> {
  return {
    type: 'text',
    bounds: `${min} to ${max} printable ASCII characters without spaces`,
    parse(value) {
      const fits = value.length >= min && value.length <= max;
      if (fits && /^[\x21-\x7e]*$/.test(value)) return value;
      throw new SettingFault(`must be ${min} to ${max} printable ASCII characters without spaces`);
    },
  };
}

export const base64Key: Kind<Uint8Array> = {
  type: 'base64',
  bounds: `${ENCRYPTION_KEY_BYTES} bytes`,
  parse(value) {
    const key = Buffer.from(value, 'base64');
    if (key.length === ENCRYPTION_KEY_BYTES && key.toString('base64') === value) return key;
    throw new SettingFault('must be base64 of 32 bytes: make one with "openssl rand -base64 32"');
  },
};

export const productName: Kind<string> = {
  type: 'text',
  bounds: '1 to 64 letters, digits, `.`, `_`, `~` or `-`',
  parse(value) {
    if (/^[A-Za-z0-9._~-]{1,64}$/.test(value)) return value;
    throw new SettingFault('must be 1 to 64 letters, digits, ".", "_", "~" or "-"');
  },
};

export const logLevel: Kind<LogLevel> = oneOf(LOG_LEVELS);

export function oneOf<Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    type: 'word',
    bounds: words.join(', '),
    parse(value) {
      const word = words.find((known) => known === value);
      if (word !== undefined) return word;
      throw new SettingFault(`must be one of ${words.join(', ')}`);
    },
  };
}

/** The path in a database URL; `:memory:` for one that is not kept. */
/** A file (or `:memory:`), or a PostgreSQL server. */
export type DatabasePlace = { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string };

export const databasePlace: Kind<DatabasePlace> = {
  type: 'URL',
  bounds: '`sqlite:<path>`, `sqlite::memory:` or `postgres://…`',
  parse(value) {
    const path = value.startsWith('sqlite:') ? value.slice('sqlite:'.length) : '';
    if (path !== '') return { kind: 'sqlite', path };
    if (isPostgresUrl(value)) {
      return { kind: 'postgres', url: value };
    }
    throw new SettingFault('must be sqlite:<path>, sqlite::memory: or postgres://…');
  },
  shown: withoutPassword,
};

export const postgresUrl: Kind<string> = {
  type: 'URL',
  bounds: '`postgres://…`',
  parse(value) {
    if (isPostgresUrl(value)) return value;
    throw new SettingFault('must be postgres://…');
  },
  shown: withoutPassword,
};

function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:\/\//.test(value) && URL.canParse(value);
}

/** A database's URL as it may be printed. */
export function withoutPassword(value: string): string {
  if (!URL.canParse(value)) return value;
  const url = new URL(value);
  if (url.password === '') return value;
  url.password = '***';
  return url.href;
}

function items(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
