// Makes the package of the receiver library as it is published: JavaScript and declarations, because
// Node strips no types below node_modules. Nothing in this repository needs it.
//
//   node scripts/build-receiver.ts            into receiver/dist
//   node scripts/build-receiver.ts --out=DIR  elsewhere
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly devDependencies?: object;
  readonly [member: string]: unknown;
}

/** What was in the folder before is gone. */
export function buildReceiver(out: string): void {
  rmSync(out, { recursive: true, force: true });
  const project = join(root, 'receiver/tsconfig.build.json');
  const compiler = join(root, 'node_modules/.bin/tsc');
  execFileSync(process.execPath, [compiler, '--project', project, '--outDir', out], {
    stdio: 'inherit',
  });
  for (const file of globSync('**/*.d.ts', { cwd: out })) rewriteImports(join(out, file));
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
  copyFileSync(join(root, 'receiver/README.md'), join(out, 'README.md'));
  copyFileSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
}

/** The compiler rewrites the endings of imports in JavaScript, but not in declarations. */
function rewriteImports(file: string): void {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/(\bfrom |\bimport\()(['"])(\.[^'"]*)\.ts\2/g, '$1$2$3.js$2'));
}

function publishedManifest(): object {
  const file = join(root, 'receiver/package.json');
  const { devDependencies: _, ...manifest }: Manifest = JSON.parse(readFileSync(file, 'utf8'));
  const exports = Object.entries(manifest.exports).map(([name, source]) => {
    const built = source.replace('./src/', './').replace(/\.ts$/, '');
    return [name, { types: `${built}.d.ts`, default: `${built}.js` }];
  });
  return { ...manifest, sideEffects: false, exports: Object.fromEntries(exports) };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const out = values.out ?? join(root, 'receiver/dist');
  buildReceiver(out);
  console.log(`The package is in ${out}`);
}
