// Makes `posthorn/client` for programs and pages without the server: JavaScript that browsers load as it
// is, and declarations that need no other package. Nothing in this repository needs it.
//
//   node scripts/build-client.ts            into server/dist
//   node scripts/build-client.ts --out=DIR  elsewhere
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  compilePackage,
  publishedExport,
  root,
  typesVersions,
  writeManifest,
} from './compile-package.ts';
import { flatTypesOf } from './flat-types.ts';

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<{ './client': string }>;
}

/** Since then `AbortSignal.any` is there. */
const NODE = '>=20.3';

/** What was in the folder before is gone. */
export function buildClient(out: string): void {
  const staged = mkdtempSync(join(tmpdir(), 'posthorn-client-'));
  try {
    stageSources(staged);
    compilePackage({ project: join(staged, 'tsconfig.json'), out });
  } finally {
    rmSync(staged, { recursive: true });
  }
  writeManifest(out, publishedManifest());
}

/** The client as it would be without a server beside it: with its types written out. */
function stageSources(staged: string): void {
  cpSync(join(root, 'server/src/client'), join(staged, 'client'), { recursive: true });
  const types = flatTypesOf({
    file: join(root, 'server/src/client/types.ts'),
    project: join(root, 'tsconfig.json'),
  });
  writeFileSync(join(staged, 'client/types.ts'), types);
  const project = {
    extends: join(root, 'scripts/package.tsconfig.json'),
    compilerOptions: { rootDir: '.', typeRoots: [join(root, 'node_modules/@types')] },
    include: ['client'],
  };
  writeFileSync(join(staged, 'tsconfig.json'), JSON.stringify(project));
  writeFileSync(join(staged, 'package.json'), JSON.stringify({ type: 'module' }));
}

function publishedManifest(): object {
  const file = join(root, 'server/package.json');
  const { version, license, exports: sources }: Manifest = JSON.parse(readFileSync(file, 'utf8'));
  const exports = { './client': publishedExport(sources['./client']) };
  return {
    name: 'posthorn',
    version,
    description: 'The typed client of Posthorn, a webhooks server',
    license,
    type: 'module',
    sideEffects: false,
    exports,
    typesVersions: typesVersions(exports),
    engines: { node: NODE },
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const out = values.out ?? join(root, 'server/dist');
  buildClient(out);
  console.log(`The package is in ${out}`);
}
