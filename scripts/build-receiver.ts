// Makes the package of the receiver library as it is published: JavaScript and declarations. Nothing
// in this repository needs it.
//
//   node scripts/build-receiver.ts            into receiver/dist
//   node scripts/build-receiver.ts --out=DIR  elsewhere
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  compilePackage,
  publishedExport,
  root,
  typesVersions,
  writeManifest,
} from './compile-package.ts';

interface Manifest {
  readonly exports: Readonly<Record<string, string>> & { readonly '.': string };
  readonly devDependencies?: object;
  readonly [member: string]: unknown;
}

/** What was in the folder before is gone. */
export function buildReceiver(out: string): void {
  compilePackage({ project: join(root, 'receiver/tsconfig.build.json'), out });
  writeManifest(out, publishedManifest());
  copyFileSync(join(root, 'receiver/README.md'), join(out, 'README.md'));
}

function publishedManifest(): object {
  const file = join(root, 'receiver/package.json');
  const { devDependencies: _, ...manifest }: Manifest = JSON.parse(readFileSync(file, 'utf8'));
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([name, source]) => [name, publishedExport(source)]),
  );
  const { default: main, types } = publishedExport(manifest.exports['.']);
  return {
    ...manifest,
    sideEffects: false,
    exports,
    main,
    types,
    typesVersions: typesVersions(exports),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const out = values.out ?? join(root, 'receiver/dist');
  buildReceiver(out);
  console.log(`The package is in ${out}`);
}
