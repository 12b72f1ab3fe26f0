import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The last compiler that takes CommonJS projects as they were before `exports`. */
export const typescript5 = join(root, 'server/node_modules/typescript/bin/tsc');

export interface Sources {
  /** Of the project's package.json. */
  type: string;
  source: string;
  /** Of the compiler. */
  options: object;
  /** Its program; that of the repository unless given. */
  compiler?: string | undefined;
}

/** A project outside of the repository that uses a package as it is published. */
export interface Consumer {
  /** Its folder. */
  readonly project: string;
  write(file: string, text: string): void;
  /** Fails with what the compiler says. */
  typeCheck(sources: Sources): void;
}

/** Made before the tests of the file, and removed after them. `links` are packages of the repository. */
export function createConsumer(
  links: readonly string[],
  install: (modules: string) => void,
): Consumer {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'posthorn-consumer-')));

  before(() => {
    const modules = join(project, 'node_modules');
    mkdirSync(modules);
    for (const name of links) symlinkSync(join(root, 'node_modules', name), join(modules, name));
    install(modules);
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  return { project, write, typeCheck };

  function write(file: string, text: string): void {
    writeFileSync(join(project, file), text);
  }

  function typeCheck({
    type,
    source,
    options,
    compiler = join(root, 'node_modules/.bin/tsc'),
  }: Sources): void {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'es2022',
      types: ['node'],
      exactOptionalPropertyTypes: true,
      ...options,
    };
    write('package.json', JSON.stringify({ type }));
    write('source.ts', source);
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['source.ts'] }));
    const { stdout, status } = spawnSync(process.execPath, [compiler], { cwd: project });
    assert.equal(status, 0, String(stdout));
  }
}

/**
 * The program's own Node, and all that are on the PATH, each once. Older ones cannot require an ES
 * module, and are not promised.
 */
export function installedNodes(): { node: string; version: string }[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = [process.execPath, ...folders.map((folder) => join(folder, 'node'))];
  const found = candidates.filter((path) => spawnSync(path, ['--version']).status === 0);
  return [...new Set(found.map((path) => realpathSync(path)))]
    .map((node) => ({ node, version: versionOf(node) }))
    .filter(({ version }) => isRecent(version));
}

function versionOf(node: string): string {
  return String(spawnSync(node, ['--version']).stdout)
    .trim()
    .slice(1);
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
}
