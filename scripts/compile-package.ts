// Compiles sources of this repository for elsewhere: Node strips no types below node_modules, and
// browsers nowhere.
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface Compilation {
  /** The file of a TypeScript project. */
  project: string;
  /** What was in this folder before is gone. */
  out: string;
}

/** JavaScript and declarations, and the licence beside them. */
export function compilePackage({ project, out }: Compilation): void {
  rmSync(out, { recursive: true, force: true });
  const compiler = join(root, 'node_modules/.bin/tsc');
  execFileSync(process.execPath, [compiler, '--project', project, '--outDir', out], {
    stdio: 'inherit',
  });
  for (const file of globSync('**/*.d.ts', { cwd: out })) rewriteImports(join(out, file));
  copyFileSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
}

/** The compiler rewrites the endings of imports in JavaScript, but not in declarations. */
function rewriteImports(file: string): void {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/(\bfrom |\bimport\()(['"])(\.[^'"]*)\.ts\2/g, '$1$2$3.js$2'));
}

export interface PublishedExport {
  types: string;
  default: string;
}

/** Where a published package has what `source` exports in this repository. */
export function publishedExport(source: string): PublishedExport {
  const built = source.replace('./src/', './').replace(/\.ts$/, '');
  return { types: `${built}.d.ts`, default: `${built}.js` };
}

/** For TypeScript 5 with `module: "commonjs"`, which looks for declarations here and not in `exports`. */
export function typesVersions(exports: Readonly<Record<string, PublishedExport>>): object {
  const parts = Object.entries(exports).filter(([name]) => name !== '.');
  return {
    '*': Object.fromEntries(parts.map(([name, { types }]) => [name.slice('./'.length), [types]])),
  };
}

export function writeManifest(out: string, manifest: object): void {
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
