// The tests of the HTTP API once more, each server over a PostgreSQL database of its own.
import { globSync } from 'node:fs';
import { describe } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const FILES = globSync(fileURLToPath(new URL('./http/*.test.ts', import.meta.url))).sort();

process.env.TEST_STORE = 'postgres';

describe('over PostgreSQL', async () => {
  for (const file of FILES) await import(pathToFileURL(file).href);
});
