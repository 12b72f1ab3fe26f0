import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SETTINGS } from '../../src/cli/settings.ts';
import { RunningProcess } from '../system/support/child-process.ts';
import {
  cleanEnvironment,
  ENCRYPTION_KEY,
  ROOT_KEY,
  SERVE_KEYS,
  temporaryDirectory,
} from '../system/support/server-process.ts';

const PROGRAM = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
const MISSING_KEYS = /^POSTHORN_ROOT_KEY is needed: .+\nPOSTHORN_ENCRYPTION_KEY is needed: .+\n$/;

interface Printed {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe('posthorn config', () => {
  test('prints every setting with its value and its origin', async () => {
    const { code, stdout, stderr } = await config({ args: ['--mode', 'dev'] });

    assert.equal(code, 0);
    assert.equal(stderr, '');
    const rows = rowsOf(stdout);
    assert.deepEqual(
      Object.keys(rows),
      Object.values(SETTINGS).map(({ env }) => env),
    );
    assert.deepEqual(rows.POSTHORN_PORT, ['4900', 'default']);
    assert.deepEqual(rows.POSTHORN_DATABASE_URL, ['not set', 'default']);
    assert.deepEqual(rows.POSTHORN_DRAIN_LIMIT, ['5s', 'default']);
  });

  test('prints what serve would run with unless another form is asked for', async () => {
    const rows = rowsOf((await config({ environment: SERVE_KEYS })).stdout);

    assert.deepEqual(rows.POSTHORN_HOST, ['0.0.0.0', 'default']);
    assert.deepEqual(rows.POSTHORN_ALLOW_NETWORKS, ['(empty)', 'default']);
    assert.deepEqual(rows.POSTHORN_DRAIN_LIMIT, ['20s', 'default']);
  });

  test('says of each value whether flag, environment or file gave it', async (t) => {
    const rows = rowsOf(
      (
        await config({
          args: ['--port', '5000', '--log-level', 'error'],
          environment: {
            POSTHORN_PORT: '4000',
            POSTHORN_HOST: '::1',
            POSTHORN_ENCRYPTION_KEY: ENCRYPTION_KEY,
            POSTHORN_ROOT_KEY_FILE: secretFile(t, `${ROOT_KEY}\n`),
          },
        })
      ).stdout,
    );

    assert.deepEqual(rows.POSTHORN_PORT, ['5000', 'flag']);
    assert.deepEqual(rows.POSTHORN_LOG_LEVEL, ['error', 'flag']);
    assert.deepEqual(rows.POSTHORN_HOST, ['::1', 'environment']);
    assert.deepEqual(rows.POSTHORN_ENCRYPTION_KEY, ['set', 'environment']);
    assert.deepEqual(rows.POSTHORN_ROOT_KEY, ['set', 'file']);
  });

  test('shows of a secret only whether it is set', async (t) => {
    const file = secretFile(t, ENCRYPTION_KEY);
    const environment = { POSTHORN_ROOT_KEY: ROOT_KEY, POSTHORN_ENCRYPTION_KEY_FILE: file };
    for (const args of [[], ['--json']]) {
      const { code, stdout, stderr } = await config({ args, environment });
      assert.equal(code, 0, stderr);
      assert.ok(!(stdout + stderr).includes(ROOT_KEY));
      assert.ok(!(stdout + stderr).includes(ENCRYPTION_KEY));
    }
    const rows = rowsOf((await config({ args: ['--mode', 'dev'] })).stdout);
    assert.deepEqual(rows.POSTHORN_ROOT_KEY, ['not set', 'default']);
  });

  test('names the keys that serve needs and ends with 2', async () => {
    const { code, stdout, stderr } = await config({});

    assert.equal(code, 2);
    assert.match(stderr, MISSING_KEYS);
    assert.deepEqual(rowsOf(stdout).POSTHORN_ROOT_KEY, ['MISSING', 'default']);
  });

  test('names all faults at once, repeats no secret, and ends with 2', async (t) => {
    const { code, stdout, stderr } = await config({
      args: ['--mode', 'dev', '--port', 'many'],
      environment: {
        POSTHORN_PROT: '1',
        POSTHORN_ROOT_KEY: 'short-and-secret',
        POSTHORN_ENCRYPTION_KEY: ENCRYPTION_KEY,
        POSTHORN_ENCRYPTION_KEY_FILE: secretFile(t, ENCRYPTION_KEY),
        POSTHORN_DATABASE_URL: 'mysql://user:password@127.0.0.1/posthorn',
      },
    });

    assert.equal(code, 2);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      'POSTHORN_PROT is not a setting. Did you mean POSTHORN_PORT?',
      'POSTHORN_DATABASE_URL must be sqlite:<path>, sqlite::memory: or postgres://….',
      '--port must be a whole number from 0 to 65535.',
      'POSTHORN_ROOT_KEY must be 32 to 512 printable ASCII characters without spaces.',
      'POSTHORN_ENCRYPTION_KEY is given twice: unset it or POSTHORN_ENCRYPTION_KEY_FILE.',
    ]);
    assert.doesNotMatch(stdout + stderr, /short-and-secret|password/);
    assert.ok(!stdout.includes(ENCRYPTION_KEY));
    assert.deepEqual(rowsOf(stdout).POSTHORN_PORT, ['NOT VALID', 'flag']);
  });

  test('prints JSON for programs, faults included', async () => {
    const { code, stdout, stderr } = await config({
      args: ['--json'],
      environment: { POSTHORN_PORT: '5000', POSTHORN_ROOT_KEY: ROOT_KEY },
    });

    assert.equal(code, 2);
    const { mode, settings, faults } = JSON.parse(stdout);
    assert.equal(mode, 'serve');
    assert.equal(settings.length, Object.keys(SETTINGS).length);
    assert.deepEqual(
      settings.find(({ name }: { name: string }) => name === 'POSTHORN_PORT'),
      { name: 'POSTHORN_PORT', value: '5000', origin: 'environment', secret: false, fault: null },
    );
    assert.equal(faults.length, 1);
    assert.match(faults[0], /^POSTHORN_ENCRYPTION_KEY is needed/);
    assert.equal(stderr, `${faults[0]}\n`);
  });

  test('refuses a form that does not exist', async () => {
    assert.equal((await config({ args: ['--mode', 'test'] })).code, 2);
  });

  test('offers no flag for a secret', async () => {
    const { code, stderr } = await config({ args: ['--root-key', ROOT_KEY] });
    assert.equal(code, 2);
    assert.match(stderr, /unknown option '--root-key'/);
  });
});

async function config({
  args = [],
  environment = {},
}: {
  args?: readonly string[];
  environment?: Record<string, string>;
}): Promise<Printed> {
  const started = new RunningProcess({
    command: process.execPath,
    args: [PROGRAM, 'config', ...args],
    environment: { ...cleanEnvironment(), ...environment },
  });
  const { code } = await started.end();
  return { code, stdout: started.stdout, stderr: started.stderr };
}

/** Setting → value and origin, from the printed table. */
function rowsOf(stdout: string): Record<string, string[]> {
  const [head = '', ...lines] = stdout.trimEnd().split('\n');
  assert.match(head, /^SETTING +VALUE +ORIGIN$/);
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...cells] = line.trimEnd().split(/ {2,}/);
      return [name, cells];
    }),
  );
}

function secretFile(t: TestContext, text: string): string {
  const path = join(temporaryDirectory(t), 'secret');
  writeFileSync(path, text);
  return path;
}
