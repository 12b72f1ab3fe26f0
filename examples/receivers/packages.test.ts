// What the examples' own package files ask for is what the tests have run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const modules = new URL('../../node_modules/', import.meta.url);

for (const name of ['express', 'fastify']) {
  test(`the ${name} example asks for the versions that are tested`, () => {
    const asked = read(new URL(`${name}/package.json`, import.meta.url)).dependencies ?? {};
    assert.ok(Object.keys(asked).length > 0);
    for (const [dependency, version] of Object.entries(asked)) {
      assert.equal(read(new URL(`${dependency}/package.json`, modules)).version, version);
    }
  });
}

function read(file: URL): { version?: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(file, 'utf8'));
}
