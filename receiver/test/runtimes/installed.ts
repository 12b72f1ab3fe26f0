import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

export interface Runtime {
  name: 'Deno' | 'Bun';
  program: string;
  /** What comes before the file that it runs. */
  options: readonly string[];
}

/**
 * The runtimes that came as packages, one for each platform, whose programs are run as they are: the install
 * scripts of `deno` and `bun`, which would link them, are refused. None where there is none for the platform.
 */
export function installedRuntimes(): Runtime[] {
  const deno = ['run', '--allow-read', '--allow-net=127.0.0.1', '--no-lock'];
  return [
    ...programs('@deno/*/deno').map((program) => ({
      name: 'Deno' as const,
      program,
      options: deno,
    })),
    ...programs('@oven/*/bin/bun').map((program) => ({
      name: 'Bun' as const,
      program,
      options: ['run'],
    })),
  ];
}

/** The first that runs here: some platforms get more than one, for other libraries of C. */
function programs(pattern: string): string[] {
  const found = globSync(`${pattern}{,.exe}`, { cwd: modules }).map((path) => join(modules, path));
  return found.filter((path) => spawnSync(path, ['--version']).status === 0).slice(0, 1);
}
