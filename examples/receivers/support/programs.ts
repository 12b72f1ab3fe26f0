// The five examples as the shared tests see them: what each needs, and how it is started.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fileOutages, type Outage, redisOutages, sqliteOutages } from './outages.ts';
import { redisIsThere } from './redis.ts';

export interface ReceiverProgram {
  /** As it stands in the tests' names: `Flask`. */
  name: string;
  /** What has to be installed first; null when it can run. */
  missing: string | null;
  needsRedis: boolean;
  outages: readonly Outage[];
  folder: string;
  /** Where its handler can be made to fail. */
  failure: Insertion;
  /** Builds it where that is needed, in its folder or a copy of that; the command that receives. */
  prepare(folder: string): Command;
  /** Where the queue is worked off by another program; without it the first one does so too. */
  worker: Command | null;
}

/** A line of code in the copy that is tested: what is shipped has no handle to make it fail. */
export interface Insertion {
  file: string;
  after: string;
  line: string;
}

export interface Command {
  command: string;
  args: readonly string[];
}

const folderOf = (name: string) => fileURLToPath(new URL(`../${name}/`, import.meta.url));
const venv = fileURLToPath(new URL('../../../.venv-test/bin/python', import.meta.url));

const noRedis = redisIsThere ? null : 'redis-server is missing';
// An older Go cannot even read the module's file.
const noGo =
  spawnSync('go', ['list', '-m'], { cwd: folderOf('go') }).status === 0
    ? null
    : 'Go 1.21 or newer is missing';

const nodeFailure: Insertion = {
  file: 'handle.ts',
  after: 'export async function handle(body: Buffer): Promise<void> {\n',
  line: `if (process.getBuiltinModule('node:fs').existsSync(String(process.env.FAILS))) throw new Error('as asked');\n`,
};
const pythonFailure = {
  after: ' handle(body):\n',
  line: '    if os.path.exists(os.environ["FAILS"]): raise RuntimeError("as asked")\n',
};

const inNode: Command = { command: process.execPath, args: ['server.ts'] };
const inPython: Command = { command: venv, args: ['app.py'] };

export const express: ReceiverProgram = {
  name: 'Express',
  missing: null,
  needsRedis: false,
  outages: sqliteOutages,
  folder: folderOf('express'),
  failure: nodeFailure,
  prepare: () => inNode,
  worker: null,
};

export const fastify: ReceiverProgram = {
  name: 'Fastify',
  missing: noRedis,
  needsRedis: true,
  outages: redisOutages,
  folder: folderOf('fastify'),
  failure: nodeFailure,
  prepare: () => inNode,
  worker: null,
};

export const flask: ReceiverProgram = {
  name: 'Flask',
  missing: noRedis ?? noPython('flask, celery, redis, waitress, standardwebhooks', 'flask'),
  needsRedis: true,
  outages: redisOutages,
  folder: folderOf('flask'),
  failure: { file: 'worker.py', ...pythonFailure },
  prepare: () => inPython,
  worker: {
    command: venv,
    args: '-m celery --app worker worker --concurrency 1 --without-gossip --without-mingle'.split(
      ' ',
    ),
  },
};

export const fastapi: ReceiverProgram = {
  name: 'FastAPI',
  missing: noPython('fastapi, uvicorn, standardwebhooks', 'fastapi'),
  needsRedis: false,
  outages: sqliteOutages,
  folder: folderOf('fastapi'),
  failure: { file: 'app.py', ...pythonFailure },
  prepare: () => inPython,
  worker: null,
};

export const go: ReceiverProgram = {
  name: 'Go',
  missing: noGo,
  needsRedis: false,
  outages: fileOutages,
  folder: folderOf('go'),
  failure: {
    file: 'main.go',
    after: 'func handle(body []byte) error {\n',
    line: 'if _, err := os.Stat(os.Getenv("FAILS")); err == nil { return errors.New("as asked") }\n',
  },
  prepare: (folder) => ({ command: buildGo(folder), args: [] }),
  worker: null,
};

function noPython(modules: string, name: string): string | null {
  if (spawnSync(venv, ['-c', `import ${modules}`]).status === 0) return null;
  return (
    `Python for ${name} is missing. Run \`python3 -m venv .venv-test && ` +
    `.venv-test/bin/python -m pip install -r examples/receivers/${name}/requirements.txt\`.`
  );
}

function buildGo(folder: string): string {
  const program = `${folder}/receiver`;
  const built = spawnSync('go', ['build', '-o', program, '.'], { cwd: folder, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  return program;
}
