import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type Given, readSettings, SettingsError } from '../../src/cli/read-settings.ts';
import { flagOf, SETTINGS, type SettingName } from '../../src/cli/settings.ts';

const ROOT_KEY = 'k'.repeat(32);
const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');
/** What `serve` cannot do without. */
const KEYS = { POSTHORN_ROOT_KEY: ROOT_KEY, POSTHORN_ENCRYPTION_KEY: ENCRYPTION_KEY };

describe('a setting that is not given has its default', () => {
  const both: [name: SettingName, value: unknown][] = [
    ['dataDir', '.posthorn'],
    ['databaseUrl', null],
    ['port', 4_900],
    ['productName', 'Posthorn'],
    ['retrySchedule', [0, 60_000, 300_000, 1_800_000, 3_600_000, 21_600_000]],
    ['attemptTimeoutMs', 15_000],
    ['eventBytesMax', 102_400],
    ['requestBytesMax', 1_048_576],
    ['idempotencyKeepMs', 86_400_000],
  ];
  const byMode: [name: SettingName, dev: unknown, serve: unknown][] = [
    ['host', '127.0.0.1', '0.0.0.0'],
    ['allowNetworks', ['127.0.0.0/8', '::1/128'], []],
    ['allowHttp', true, false],
    ['logLevel', 'warn', 'info'],
  ];
  const all = [...byMode, ...both.map(([name, value]) => [name, value, value] as const)];
  for (const [name, dev, serve] of all) {
    test(SETTINGS[name].env, () => {
      const [inDev, inServe] = [read({ mode: 'dev' }), read({ mode: 'serve', environment: KEYS })];
      assert.deepEqual([inDev.settings[name], inServe.settings[name]], [dev, serve]);
      assert.deepEqual([inDev.origins[name], inServe.origins[name]], ['default', 'default']);
    });
  }

  test('and every default is one that may be given', () => {
    for (const mode of ['dev', 'serve'] as const) {
      for (const { env, default: fallback, parse } of Object.values(SETTINGS)) {
        const text = fallback[mode];
        if (text !== null) assert.doesNotThrow(() => parse(text), env);
      }
    }
  });

  test('in development no key is needed', () => {
    const { settings } = read({ mode: 'dev' });
    assert.deepEqual([settings.rootKey, settings.encryptionKey], [null, null]);
  });
});

test('a flag wins over the environment, and the environment over the default', () => {
  const environment = { POSTHORN_PORT: '1', POSTHORN_HOST: 'host.example' };
  const { settings, origins } = read({ environment, flags: { port: '2' } });
  assert.deepEqual([settings.port, settings.host], [2, 'host.example']);
  assert.deepEqual(
    [origins.port, origins.host, origins.dataDir],
    ['flag', 'environment', 'default'],
  );
});

test('variables of other programs are none of our business', () => {
  assert.equal(
    read({ environment: { PORT: '1', HOST: 'x', POSTHORNS: 'y' } }).settings.port,
    4_900,
  );
});

describe('an empty value', () => {
  test('is as if it were not given', () => {
    const environment = { POSTHORN_PORT: '', POSTHORN_ROOT_KEY: '', POSTHORN_ROOT_KEY_FILE: '' };
    const { settings, origins } = read({ environment, flags: { host: '' } });
    assert.deepEqual([settings.port, settings.rootKey, settings.host], [4_900, null, '127.0.0.1']);
    assert.deepEqual(
      [origins.port, origins.rootKey, origins.host],
      ['default', 'default', 'default'],
    );
  });

  test('of a flag leaves the environment its turn', () => {
    const { settings } = read({ environment: { POSTHORN_PORT: '1' }, flags: { port: '' } });
    assert.equal(settings.port, 1);
  });

  test('of a list is an empty list', () => {
    const environment = { POSTHORN_ALLOW_NETWORKS: '' };
    const { settings, origins } = read({ mode: 'dev', environment });
    assert.deepEqual(settings.allowNetworks, []);
    assert.equal(origins.allowNetworks, 'environment');
    const flags = { allowNetworks: '' };
    assert.deepEqual(
      read({ environment: { POSTHORN_ALLOW_NETWORKS: '10.0.0.0/8' }, flags }).settings
        .allowNetworks,
      [],
    );
  });
});

describe('a secret', () => {
  test('may stand in a file, whose last line end is no part of it', (t) => {
    const environment = {
      POSTHORN_ROOT_KEY_FILE: fileWith(t, `${ROOT_KEY}\n`),
      POSTHORN_ENCRYPTION_KEY_FILE: fileWith(t, `${ENCRYPTION_KEY}\r\n`),
    };
    const { settings, origins } = read({ mode: 'serve', environment });
    assert.equal(settings.rootKey, ROOT_KEY);
    assert.deepEqual(settings.encryptionKey, Buffer.alloc(32, 7));
    assert.deepEqual([origins.rootKey, origins.encryptionKey], ['file', 'file']);
  });

  test('whose file cannot be read is a fault that names the variable', () => {
    const environment = { POSTHORN_ROOT_KEY_FILE: join(tmpdir(), 'posthorn-no-such-file') };
    assertFaults({ environment }, [/^POSTHORN_ROOT_KEY cannot be read from its file: ENOENT/]);
  });

  test('that is given twice is a fault', (t) => {
    const environment = {
      POSTHORN_ROOT_KEY: ROOT_KEY,
      POSTHORN_ROOT_KEY_FILE: fileWith(t, ROOT_KEY),
    };
    assertFaults({ environment }, [
      /^POSTHORN_ROOT_KEY is given twice: unset it or POSTHORN_ROOT_KEY_FILE\.$/,
    ]);
  });

  test('in an empty file is too short', (t) => {
    const environment = { POSTHORN_ROOT_KEY_FILE: fileWith(t, '\n') };
    assertFaults({ environment }, [/^POSTHORN_ROOT_KEY must be 32 to 512 printable/]);
  });

  test('is not repeated in a fault', () => {
    const secret = 'too short but secret';
    const environment = { POSTHORN_ROOT_KEY: secret, POSTHORN_ENCRYPTION_KEY: secret };
    const faults = faultsOf({ environment });
    assert.equal(faults.length, 2);
    assert.ok(!faults.join('\n').includes(secret));
  });

  test('is a key, and nothing else is', () => {
    const secrets = Object.values(SETTINGS).filter(({ secret }) => secret);
    assert.deepEqual(
      secrets.map(({ env }) => env),
      ['POSTHORN_ROOT_KEY', 'POSTHORN_ENCRYPTION_KEY'],
    );
  });

  test('can stand in a file, but only a secret can', () => {
    const environment = { POSTHORN_PORT_FILE: '/run/port' };
    assertFaults({ environment }, [
      /^POSTHORN_PORT_FILE is not a setting\. Did you mean POSTHORN_PORT\?$/,
    ]);
  });
});

test('to serve without its keys is a fault for each of them', () => {
  assertFaults({ mode: 'serve' }, [
    /^POSTHORN_ROOT_KEY is needed: .*\.$/,
    /^POSTHORN_ENCRYPTION_KEY is needed: .*\.$/,
  ]);
  assert.equal(read({ mode: 'serve', isServer: false }).settings.rootKey, null);
});

test('what commands read that call a server is no fault in the environment of one', () => {
  const environment = { POSTHORN_URL: 'http://127.0.0.1:4900', POSTHORN_API_KEY: 'phk_1' };
  assert.equal(read({ environment }).settings.port, 4_900);
});

test('every fault is told at once: unknown names first, then in the order of the table', () => {
  const environment = {
    POSTHORN_LOG_LEVEL: 'loud',
    POSTHORN_PORT: '70000',
    POSTHORN_PROT: '1',
    POSTHORN_RETRY_SCHEDULE: '1m,later',
    POSTHORN_SOMETHING_ELSE: '1',
  };
  assertFaults({ environment, flags: { host: 'x', attemptTimeoutMs: '1ms', allowHttp: 'yes' } }, [
    /^POSTHORN_PROT is not a setting\. Did you mean POSTHORN_PORT\?$/,
    /^POSTHORN_SOMETHING_ELSE is not a setting\.$/,
    /^POSTHORN_PORT must be a whole number from 0 to 65535\.$/,
    /^POSTHORN_RETRY_SCHEDULE must be a duration from .* to 7d, written like .*\.$/,
    /^--attempt-timeout must be a duration from 100ms to 5m, .*\.$/,
    /^--allow-http must be true or false\.$/,
    /^POSTHORN_LOG_LEVEL must be one of .*info.*\.$/,
  ]);
});

test('a flag is judged instead of the variable behind it', () => {
  const environment = { POSTHORN_PORT: 'x' };
  assertFaults({ environment, flags: { port: 'y' } }, [/^--port must be/]);
  assert.equal(read({ environment, flags: { port: '5' } }).settings.port, 5);
});

describe('a value may be', () => {
  const cases: [name: SettingName, text: string, value: unknown][] = [
    ['port', '0', 0],
    ['port', '65535', 65_535],
    ['rootKey', 'k'.repeat(32), 'k'.repeat(32)],
    ['rootKey', '!~'.repeat(256), '!~'.repeat(256)],
    ['productName', 'x', 'x'],
    ['productName', 'A.b_c~d-9', 'A.b_c~d-9'],
    ['productName', 'x'.repeat(64), 'x'.repeat(64)],
    ['retrySchedule', '0s', [0]],
    ['retrySchedule', ' 1s , 2m,', [1_000, 120_000]],
    ['retrySchedule', Array(20).fill('7d').join(','), Array(20).fill(604_800_000)],
    ['attemptTimeoutMs', '100ms', 100],
    ['attemptTimeoutMs', '5m', 300_000],
    ['allowNetworks', '10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    ['corsOrigins', '', []],
    [
      'corsOrigins',
      'https://a.example, http://localhost:5173',
      ['https://a.example', 'http://localhost:5173'],
    ],
    ['allowHttp', 'false', false],
    ['logLevel', 'silent', 'silent'],
    ['databaseUrl', 'sqlite::memory:', { kind: 'sqlite', path: ':memory:' }],
    ['databaseUrl', 'sqlite:/var/a.db', { kind: 'sqlite', path: '/var/a.db' }],
    [
      'databaseUrl',
      'postgres://u:p@h:5432/d',
      { kind: 'postgres', url: 'postgres://u:p@h:5432/d' },
    ],
    ['databaseUrl', 'postgresql://h/d', { kind: 'postgres', url: 'postgresql://h/d' }],
    ['migrate', 'never', 'never'],
    ['processes', '1', 1],
    ['processes', '64', 64],
    ['deliveryThreads', '1', 1],
    ['deliveryThreads', '64', 64],
    ['drainLimitMs', '0s', 0],
  ];
  for (const [name, text, value] of cases) {
    const shown = text.length > 40 ? `${text.slice(0, 20)}…` : text;
    test(`${SETTINGS[name].env} = ${shown}`, () => {
      const { settings } = read({ environment: { [SETTINGS[name].env]: text } });
      assert.deepEqual(settings[name], value);
    });
  }
});

describe('a value may not be', () => {
  const cases: [name: SettingName, text: string][] = [
    ['port', '-1'],
    ['port', '65536'],
    ['port', '80.5'],
    ['port', '0x50'],
    ['port', ' 80'],
    ['port', '1e3'],
    ['rootKey', 'k'.repeat(31)],
    ['rootKey', 'k'.repeat(513)],
    ['rootKey', `${'k'.repeat(31)} `],
    ['rootKey', `${'k'.repeat(32)}ä`],
    ['encryptionKey', Buffer.alloc(31).toString('base64')],
    ['encryptionKey', Buffer.alloc(33).toString('base64')],
    ['encryptionKey', Buffer.alloc(32).toString('hex')],
    ['encryptionKey', Buffer.alloc(32).toString('base64url')],
    ['encryptionKey', `${ENCRYPTION_KEY}x`],
    ['productName', 'two words'],
    ['productName', 'x'.repeat(65)],
    ['productName', 'x\r\nHeader: y'],
    ['retrySchedule', ','],
    ['retrySchedule', '8d'],
    ['retrySchedule', Array(21).fill('1s').join(',')],
    ['attemptTimeoutMs', '99ms'],
    ['attemptTimeoutMs', '301s'],
    ['attemptTimeoutMs', '15'],
    ['allowNetworks', '10.0.0.0'],
    ['allowNetworks', '10.0.0.0/8,10.0.0.0/33'],
    ['corsOrigins', '*'],
    ['corsOrigins', 'https://*.example.com'],
    ['corsOrigins', 'null'],
    ['corsOrigins', 'app.example.com'],
    ['corsOrigins', 'https://app.example.com/'],
    ['corsOrigins', 'https://App.example.com'],
    ['corsOrigins', 'https://app.example.com:443'],
    ['corsOrigins', 'ftp://app.example.com'],
    ['allowHttp', 'TRUE'],
    ['allowHttp', '1'],
    ['logLevel', 'INFO'],
    ['databaseUrl', 'posthorn.db'],
    ['databaseUrl', 'sqlite:'],
    ['databaseUrl', 'mysql://db/posthorn'],
    ['directDatabaseUrl', 'sqlite:data.db'],
    ['databaseUrl', 'mysql://localhost'],
    ['processes', '0'],
    ['processes', '65'],
    ['deliveryThreads', '0'],
    ['deliveryThreads', '65'],
  ];
  for (const [name, text] of cases) {
    const shown = text.length > 40 ? `${text.slice(0, 20)}…` : text;
    const { env } = SETTINGS[name];
    test(`${env} = ${JSON.stringify(shown)}`, () => {
      assertFaults({ environment: { [env]: text } }, [new RegExp(`^${env} (must|has) .*\\.$`)]);
    });
  }
});

describe('more than one process', () => {
  const environment = { ...KEYS, POSTHORN_PROCESSES: '3' };
  const fault = /^POSTHORN_PROCESSES must be 1 or unset without a PostgreSQL: .+\.$/;

  test('is a fault where the data is in a file, which belongs to one', () => {
    assertFaults({ mode: 'serve', environment }, [fault]);
    const named = { ...environment, POSTHORN_DATABASE_URL: 'sqlite:data.db' };
    assertFaults({ mode: 'serve', environment: named }, [fault]);
    assertFaults({ mode: 'serve', environment: KEYS, flags: { processes: '2' } }, [
      /^--processes must be 1 /,
    ]);
  });

  test('is taken over PostgreSQL, and wherever no server is started with it', () => {
    const url = 'postgres://127.0.0.1/posthorn';
    const over = { ...environment, POSTHORN_DATABASE_URL: url };
    assertFaults({ mode: 'serve', environment: over }, []);
    assertFaults({ mode: 'serve', environment: { ...KEYS, POSTHORN_PROCESSES: '1' } }, []);
    assertFaults({ mode: 'serve', environment, isServer: false }, []);
    assertFaults({ mode: 'dev', environment }, []);
  });
});

test('the flag of a setting is its name in small letters', () => {
  assert.equal(flagOf(SETTINGS.retrySchedule), '--retry-schedule');
  assert.equal(flagOf(SETTINGS.port), '--port');
});

function read(given: Partial<Given>) {
  return readSettings({ mode: 'dev', environment: {}, flags: {}, ...given });
}

function faultsOf(given: Partial<Given>): readonly string[] {
  try {
    read(given);
    return [];
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    assert.equal(error.message, error.faults.join('\n'));
    return error.faults;
  }
}

function assertFaults(given: Partial<Given>, wanted: readonly RegExp[]): void {
  const faults = faultsOf(given);
  assert.equal(faults.length, wanted.length, faults.join('\n'));
  for (const [index, pattern] of wanted.entries()) assert.match(faults[index] ?? '', pattern);
}

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-settings-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'secret');
  writeFileSync(path, text);
  return path;
}
