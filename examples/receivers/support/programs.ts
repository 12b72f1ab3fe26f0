// The five examples as the shared tests see them: what each needs, and how it is started.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { redisIsThere } from './redis.ts';

export interface ReceiverProgram {
  /** As it stands in the tests' names: `Flask`. */
  name: string;
  /** What has to be installed first; null when it can run. */
  missing: string | null;
  needsRedis: boolean;
  folder: string;
  /** Builds it where that is needed, into this directory; the command that receives. */
  prepare(directory: string): Command;
  /** Where the queue is worked off by another program; without it the first one does so too. */
  worker: Command | null;
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

const inNode: Command = { command: process.execPath, args: ['server.ts'] };
const inPython: Command = { command: venv, args: ['app.py'] };

export const express: ReceiverProgram = {
  name: 'Express',
  missing: null,
  needsRedis: false,
  folder: folderOf('express'),
  prepare: () => inNode,
  worker: null,
};

export const fastify: ReceiverProgram = {
  name: 'Fastify',
  missing: noRedis,
  needsRedis: true,
  folder: folderOf('fastify'),
  prepare: () => inNode,
  worker: null,
};

export const flask: ReceiverProgram = {
  name: 'Flask',
  missing: noRedis ?? noPython('flask, celery, redis, waitress, standardwebhooks', 'flask'),
  needsRedis: true,
  folder: folderOf('flask'),
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
  folder: folderOf('fastapi'),
  prepare: () => inPython,
  worker: null,
};

export const go: ReceiverProgram = {
  name: 'Go',
  missing: noGo,
  needsRedis: false,
  folder: folderOf('go'),
  prepare: (directory) => ({ command: buildGo(directory), args: [] }),
  worker: null,
};

function noPython(modules: string, name: string): string | null {
  if (spawnSync(venv, ['-c', `import ${modules}`]).status === 0) return null;
  return (
    `Python for ${name} is missing. Run \`python3 -m venv .venv-test && ` +
    `.venv-test/bin/python -m pip install -r examples/receivers/${name}/requirements.txt\`.`
  );
}

function buildGo(directory: string): string {
  const program = `${directory}/receiver`;
  const built = spawnSync('go', ['build', '-o', program, '.'], {
    cwd: folderOf('go'),
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  return program;
}
