// What the README tells a newcomer to type, typed in a copy of this working tree.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RunningProcess } from './support/child-process.ts';
import { cleanUp } from './support/clean-up.ts';
import { hasCurl } from './support/curl.ts';
import { cleanEnvironment, createApi, temporaryDirectory } from './support/server-process.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const TEST_MS_MAX = 60_000;
const START_MS_MAX = 45_000;
const WELCOME = /^Posthorn is running at (http:\/\/\S+)$/m;

test("The README's start works as printed, Ctrl-C ends it with 0, and the next start goes on", {
  timeout: TEST_MS_MAX,
}, async (t) => {
  const directory = copyOfWorkingTree(t);
  const [start, ...others] = commandsUnder('Start');
  assert.equal(start, 'npm start');

  const first = await startByHand(t, start, directory);
  for (const command of hasCurl(t) ? others : []) {
    const answer = await outputOf(t, adapted(command, first), directory);
    assert.match(JSON.parse(answer).id, /^[a-z]+_\w+$/, answer);
  }
  const webhooks = await ownWebhooks(first);
  await interrupt(first);

  const second = await startByHand(t, start, directory);
  assert.equal(second.key, first.key);
  assert.deepEqual(await ownWebhooks(second), webhooks);
  await interrupt(second);
});

interface Started {
  process: RunningProcess;
  url: string;
  key: string;
}

/** As a shell runs what is typed: in a process group of its own, to which the terminal sends Ctrl-C. */
async function startByHand(t: TestContext, command: string, directory: string): Promise<Started> {
  const started = shell(t, `exec ${command}`, directory);
  // Installing comes first where the packages here are not those of the lock file any more.
  const [, url = ''] = await started.output(WELCOME, START_MS_MAX);
  const [, key = ''] = await started.output(/^ +API key +(phk_\w+)$/m);
  await started.output(/^Ctrl-C stops it\.$/m);
  return { process: started, url, key };
}

/** npm gets it, and what npm has started, which gets it from npm once more. */
async function interrupt({ process }: Started): Promise<void> {
  process.killGroup('SIGINT');
  assert.deepEqual(await process.end(), { code: 0, signal: null }, process.stderr);
  assert.match(process.stdout, /^Stopped\./m);
}

async function outputOf(t: TestContext, command: string, directory: string): Promise<string> {
  const ran = shell(t, command, directory);
  assert.deepEqual(await ran.end(), { code: 0, signal: null }, ran.stderr);
  return ran.stdout;
}

function shell(t: TestContext, command: string, directory: string): RunningProcess {
  const ran = new RunningProcess({
    command: 'sh',
    args: ['-c', command],
    cwd: directory,
    // The port of the README may be taken here, by a server that somebody works with.
    environment: { ...cleanEnvironment(), POSTHORN_PORT: '0' },
    ownGroup: true,
  });
  cleanUp(t, async () => {
    ran.killGroup('SIGKILL');
    await ran.end();
  });
  return ran;
}

/** What a reader puts into a command before it is run. */
function adapted(command: string, { url, key }: Started): string {
  return command.replaceAll('YOUR_API_KEY', key).replaceAll('http://127.0.0.1:4900', url);
}

/** The shell blocks below a heading of the README, up to the next heading. */
function commandsUnder(heading: string): string[] {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const section = readme.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
  return section
    .matchAll(/^```bash\n(.*?)^```$/gms)
    .map(([, block = '']) => block.trim())
    .toArray();
}

function copyOfWorkingTree(t: TestContext): string {
  const directory = temporaryDirectory(t);
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const files = execFileSync('git', list, { cwd: REPOSITORY, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((name) => name !== '' && existsSync(join(REPOSITORY, name)))) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    copyFileSync(join(REPOSITORY, file), join(directory, file));
  }
  linkPackages(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

/** What is installed, without a second copy of it; the workspaces' own links point into the copy. */
function linkPackages(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.name.startsWith('@')) linkPackages(source, target);
    else symlinkSync(entry.isSymbolicLink() ? readlinkSync(source) : source, target);
  }
}

/** All but the one of the built-in receiver, which moves with the server's port. */
async function ownWebhooks({ url, key }: Started): Promise<unknown[]> {
  const { data } = await createApi(url, key).call('GET', '/v1/webhooks', 200);
  const webhooks = data as { url: string }[];
  const own = webhooks.filter((webhook) => !webhook.url.endsWith('/dev/receiver'));
  assert.equal(own.length, webhooks.length - 1);
  return own;
}
