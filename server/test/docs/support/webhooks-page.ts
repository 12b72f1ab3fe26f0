import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createWebhook, endedDelivery, getDelivery, publish } from '../../support/api.ts';
import { freePort } from '../../support/postgres/server.ts';
import { startTestServer } from '../../support/start-test-server.ts';
import { until } from '../../support/until.ts';
import { RunningProcess } from '../../system/support/child-process.ts';
import { cleanUp } from '../../system/support/clean-up.ts';
import { temporaryDirectory } from '../../system/support/server-process.ts';
import { outputOf, root } from './shell.ts';

const SECRET = 'your_webhook_secret_of_the_docs';

/** Go: the standard library is enough, no network, no other toolchain, no C compiler. */
export const LANGUAGE_ENVIRONMENT = {
  ...process.env,
  CGO_ENABLED: '0',
  GOFLAGS: '',
  GOPROXY: 'off',
  GOTOOLCHAIN: 'local',
  GOWORK: 'off',
  PYTHONDONTWRITEBYTECODE: '1',
};

/** The project's own virtual environment, else whatever Python the machine has. */
const python =
  [join(root, '.venv-test/bin/python'), 'python3'].find(
    (each) => spawnSync(each, ['-c', 'import flask']).status === 0,
  ) ?? null;

interface Program {
  name: string;
  /** Null: what it needs is not there. */
  command: string | null;
  args: (port: number) => readonly string[];
  /** The sample that verifies, and what has to lie around the two. */
  files: (verify: string) => Readonly<Record<string, string>>;
  file: string;
  /** Made into what `command` starts. */
  build?: readonly string[];
}

const PROGRAMS = {
  js: {
    name: 'Node',
    command: process.execPath,
    args: () => ['receiver.mjs'],
    file: 'receiver.mjs',
    files: (verify) => ({ 'verify.mjs': verify }),
  },
  python: {
    name: 'Flask',
    command: python,
    args: (port) => ['-m', 'flask', '--app', 'receiver', 'run', '--port', String(port)],
    file: 'receiver.py',
    files: (verify) => ({ 'verify.py': verify }),
  },
  go: {
    name: 'Go',
    command: spawnSync('go', ['version']).status === 0 ? './webhooks' : null,
    args: () => [],
    file: 'main.go',
    files: (verify) => ({
      'go.mod': 'module example.com/webhooks\n\ngo 1.19\n',
      'receiver/receiver.go': verify,
    }),
    build: ['build', '-buildvcs=false', '-o', 'webhooks', '.'],
  },
} satisfies Record<string, Program>;

/** A laptop may lack a language; in CI a test that does not run would be a hole nobody sees. */
function skipWithout(command: string | null, name: string): string | false {
  return command === null && !process.env.CI && `NOT TESTED: what ${name} needs is missing`;
}

/** The sample that registers a webhook. */
export function testRegistration(name: string, command: string, flag: string, sample: string) {
  test(`the ${name} sample registers a webhook and prints its secret`, async (t) => {
    const server = await startTestServer(t);
    const environment = {
      SAMPLE: sample
        .replace('http://127.0.0.1:4900', server.url)
        .replace('YOUR_API_KEY', server.key),
    };
    const said = await outputOf(t, `'${command}' ${flag} "$SAMPLE"`, { environment });
    assert.match(said, /^201 wh_\w+ whsec_\S+\n$/);
  });
}

/** A program of the page, started as it stands and sent what a server sends. */
export function testWholeReceiver(language: keyof typeof PROGRAMS, verify: string, sample: string) {
  const program: Program = PROGRAMS[language];
  const skip = skipWithout(program.command, program.name);
  test(`the ${program.name} receiver takes an event once and refuses what is not signed`, {
    skip,
  }, async (t) => {
    const folder = temporaryDirectory(t);
    const port = await freePort();
    const files = { ...program.files(verify), [program.file]: sample.replace('3000', `${port}`) };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const environment = { ...LANGUAGE_ENVIRONMENT, WEBHOOK_SECRET: SECRET };
    if (program.build) {
      const built = spawnSync('go', program.build, { cwd: folder, env: environment });
      assert.equal(built.status, 0, String(built.stderr));
    }
    const receiver = new RunningProcess({
      command: program.command ?? program.name,
      args: program.args(port),
      cwd: folder,
      environment,
    });
    cleanUp(t, async () => {
      receiver.kill('SIGKILL');
      await receiver.end();
    });
    const url = `http://127.0.0.1:${port}/webhooks`;
    const unsigned = await until('it listens', () => fetch(url, POST).catch(() => false as const));
    assert.equal(unsigned.status, 401, receiver.stderr);

    const server = await startTestServer(t);
    const webhook = await createWebhook(server, { url, secret: SECRET });
    await publish(server, { id: 'usr_789', name: 'Zoë' });
    const { id, status } = await endedDelivery(server, webhook.id);
    assert.equal(status, 'delivered', receiver.stderr);
    await receiver.output(/^user\.created usr_789$/m);
    const again = await server.request<{ id: string }>('POST', `/v1/deliveries/${id}/redeliver`);
    await until('it is delivered again', async () => {
      return (await getDelivery(server, again.body.id)).status === 'delivered';
    });
    assert.equal(receiver.stdout.match(/user\.created/g)?.length, 1);
  });
}

const POST = {
  method: 'POST',
  body: '{"id":"evt_1","type":"user.created","data":{"id":"usr_789"}}',
  headers: { 'Content-Type': 'application/json', 'webhook-signature': 'v1,AAAA' },
};
