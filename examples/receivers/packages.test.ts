// What the examples' own package files ask for is what the tests have run, and what they share by copies,
// so that each folder can be taken alone, is alike.
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

const COPIES = {
  express: { other: 'fastify', files: ['verify.ts', 'handle.ts', 'log.ts'] },
  flask: { other: 'fastapi', files: ['verify.py', 'log.py'] },
};

for (const [name, { other, files }] of Object.entries(COPIES)) {
  for (const file of files) {
    test(`${file} is the same in the ${name} and the ${other} example`, () => {
      assert.equal(text(`${name}/${file}`), text(`${other}/${file}`));
    });
  }
}

function text(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

function read(file: URL): { version?: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(file, 'utf8'));
}
