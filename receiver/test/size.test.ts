import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

/** Of everything that the package's root exports, without adapters, stores of databases and tests. */
const BYTES_MAX = 6_000;
/** Of an adapter with the errors it shares with the root. */
const ADAPTER_BYTES_MAX = 2 * 1_024;

test('the package has at most 6,000 bytes, minified and compressed', (t) => {
  const bytes = gzipSync(bundle('index.ts'), { level: 9 }).length;
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes <= BYTES_MAX, `${bytes} bytes`);
});

test('an adapter has at most 2 KB with what it shares with the root', (t) => {
  for (const name of ['express', 'fastify', 'fetch', 'hono', 'koa', 'lambda', 'next', 'node']) {
    const bytes = gzipSync(bundle(`adapters/${name}.ts`), { level: 9 }).length;
    t.diagnostic(`${name}: ${bytes} bytes`);
    assert.ok(bytes <= ADAPTER_BYTES_MAX, `${name}: ${bytes} bytes`);
  }
});

function bundle(file: string): Uint8Array {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL(`../src/${file}`, import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}
