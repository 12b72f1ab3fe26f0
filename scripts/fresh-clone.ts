// Measures what a newcomer waits for: clones the repository (its last commit) into a temporary directory,
// runs `npm start` there on the machine's own Node and npm, and takes the seconds until the server is
// ready and until its built-in receiver has verified the first event. Fails when that is over 60 s.
//
//   node scripts/fresh-clone.ts                      the npm on the PATH
//   node scripts/fresh-clone.ts --npm=path/to/npm    another one (not through npx: that dies of Ctrl-C)
//   node scripts/fresh-clone.ts --commit=v1.0.0      another commit than the last
//
// The packages come from npm's cache as far as they are there: the first run on a machine measures
// the network, the second the cache.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const secondsMax = 60;
/** After this it is given up, ready or not. */
const giveUpMs = 5 * 60_000;
const pageLookMs = 20;
const repository = fileURLToPath(new URL('..', import.meta.url));

interface Measured {
  readonly readySeconds: number;
  readonly verifiedSeconds: number;
  readonly exitCode: number | null;
}

async function measure({ npm, commit }: { npm: string; commit: string }): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-fresh-'));
  try {
    execFileSync('git', ['clone', '--quiet', '--no-local', repository, directory]);
    execFileSync('git', ['checkout', '--quiet', '--detach', commit], { cwd: directory });
    const startedMs = performance.now();
    const seconds = () => (performance.now() - startedMs) / 1_000;
    // A group of its own, as a shell gives it, so that an interrupt reaches npm and the server alike.
    const child = spawn('sh', ['-c', `exec ${npm} start`], {
      cwd: directory,
      detached: true,
      env: { ...environment(), POSTHORN_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const { pid } = child;
    if (pid === undefined) throw new Error(`${npm} could not be started`);
    try {
      const { url, key } = await welcome(child.stdout);
      const readySeconds = seconds();
      await publishAndSee(url, key);
      const verifiedSeconds = seconds();
      process.kill(-pid, 'SIGINT');
      const [exitCode] = await exited;
      return { readySeconds, verifiedSeconds, exitCode };
    } finally {
      if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL');
    }
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Reads the welcome as far as its address and key; the rest of the output is let go by. */
async function welcome(output: NodeJS.ReadableStream): Promise<{ url: string; key: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ url: string; key: string }>();
  let text = '';
  output.setEncoding('utf8');
  output.on('data', (chunk: string) => {
    text += chunk;
    const url = /^Posthorn is running at (\S+)$/m.exec(text)?.[1];
    const key = /^ +API key +(phk_\w+)$/m.exec(text)?.[1];
    if (url !== undefined && key !== undefined) resolve({ url, key });
  });
  output.once('end', () => reject(new Error(`It ended without its welcome:\n${text}`)));
  return await Promise.race([promise, gaveUp('its welcome')]);
}

async function publishAndSee(url: string, key: string): Promise<void> {
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ type: 'user.created', data: { id: 'usr_789' } }),
  });
  if (response.status !== 202) throw new Error(`The publish was answered ${response.status}.`);
  await Promise.race([pageShowsVerified(url), gaveUp('the delivery')]);
}

async function pageShowsVerified(url: string): Promise<void> {
  while (!(await (await fetch(`${url}/`)).text()).includes('<td class="verified">')) {
    await pause(pageLookMs);
  }
}

async function gaveUp(what: string): Promise<never> {
  await pause(giveUpMs, undefined, { ref: false });
  throw new Error(`Waited for ${what} in vain.`);
}

/** As a new terminal has it: nothing of an npm that runs this script, nor of another server's. */
function environment(): NodeJS.ProcessEnv {
  const { PATH = '', ...others } = process.env;
  const kept = Object.entries(others).filter(([name]) => !/^(npm_|POSTHORN_)/i.test(name));
  const folders = PATH.split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: folders.join(delimiter) };
}

const { values } = parseArgs({
  options: {
    npm: { type: 'string', default: 'npm' },
    commit: { type: 'string', default: 'HEAD' },
  },
});
const { readySeconds, verifiedSeconds, exitCode } = await measure(values);
console.log(`ready after                   ${readySeconds.toFixed(1)} s`);
console.log(`first delivery verified after ${verifiedSeconds.toFixed(1)} s`);
console.log(`exit code after Ctrl-C        ${exitCode}`);
process.exit(verifiedSeconds <= secondsMax && exitCode === 0 ? 0 : 1);
