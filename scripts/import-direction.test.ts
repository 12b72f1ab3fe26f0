// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the fixtures are source text.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blankTextOf, importFaults, sourceFiles } from './import-direction.ts';

test('every import of the repository points the right way', () => {
  const files = sourceFiles();
  assert.ok(files.some(({ path }) => path.startsWith('server/src/core/')));
  assert.ok(files.some(({ path }) => path.startsWith('receiver/src/')));
  assert.deepEqual(importFaults(files), []);
});

const faultsOf = (path: string, text: string) => importFaults([{ path, text }]);

function onlyFault(path: string, text: string): string {
  const [fault, ...more] = faultsOf(path, text);
  assert.deepEqual(more, []);
  return fault ?? 'no fault';
}

describe('a fault is', () => {
  const faults: readonly [rule: string, path: string, text: string, fault: string][] = [
    [
      'an import of another layer',
      'server/src/core/a.ts',
      "import '../http/b.ts';",
      'imports only',
    ],
    [
      'a type import too',
      'server/src/engine/a.ts',
      "import type { B } from '../store/b.ts';",
      'itself',
    ],
    [
      'an engine imported by http',
      'server/src/http/a.ts',
      "export * from '../engine/b.ts';",
      'itself',
    ],
    ['http imported by threads', 'server/src/threads/a.ts', "import '../http/b.ts';", 'itself'],
    ['the wiring imported', 'server/src/platform/a.ts', "import '../index.ts';", 'itself'],
    ['a dynamic import', 'server/src/store/a.ts', "await import('../engine/b.ts');", 'itself'],
    [
      'an import in a type',
      'server/src/store/a.ts',
      "type B = import('../http/b.ts').B;",
      'itself',
    ],
    [
      'a thread started from another layer',
      'server/src/store/a.ts',
      "new Worker(new URL('../engine/b.ts', import.meta.url));",
      'itself',
    ],
    ['a computed import', 'server/src/cli/a.ts', 'await import(name);', 'computed name'],
    ['node: in core', 'server/src/core/a.ts', "import { join } from 'node:path';", 'no node:'],
    ['node: in service', 'server/src/service/a.ts', "import 'node:fs';", 'no node:'],
    ['a builtin without node:', 'server/src/store/a.ts', "import 'fs';", 'npm packages of'],
    ['npm in core', 'server/src/core/a.ts', "import 'typebox';", 'npm packages of'],
    ['npm of another layer', 'server/src/engine/a.ts', "import 'fastify';", 'npm packages of'],
    ['an unknown package', 'server/src/cli/a.ts', "import 'left-pad';", 'npm packages of'],
    [
      'the receiver’s Node part in core',
      'server/src/core/a.ts',
      "import '@posthorn/receiver/node';",
      'npm',
    ],
    ['an unknown folder', 'server/src/misc/a.ts', '', 'no known layer'],
    ['an unknown file at the top', 'server/src/misc.ts', '', 'no known layer'],
    ['no .ts ending', 'server/src/core/a.ts', "import './b';", 'ends in .ts'],
    ['a .js ending', 'server/src/core/a.ts', "import './b.js';", 'ends in .ts'],
    [
      'a path out of server/src',
      'server/src/cli/a.ts',
      "import '../../../receiver/src/b.ts';",
      'stays inside',
    ],
    ['npm in the receiver', 'receiver/src/a.ts', "import 'undici';", 'npm packages of'],
    ['node: in the portable receiver', 'receiver/src/a.ts', "import 'node:crypto';", 'no node:'],
    ['node.ts in the portable receiver', 'receiver/src/a.ts', "import './node.ts';", 'itself'],
    [
      'a path out of receiver/src',
      'receiver/src/a.ts',
      "import '../../server/src/index.ts';",
      'stays',
    ],
    [
      'the server in an example to copy',
      'examples/account-api/routes/a.ts',
      "import '../../../server/src/client/index.ts';",
      'stays',
    ],
    ['npm in an example to copy', 'examples/account-api/a.ts', "import 'express';", 'npm packages'],
  ];
  for (const [rule, path, text, fault] of faults) {
    test(rule, () => {
      const found = onlyFault(path, text);
      assert.ok(found.startsWith(`${path}:1: `) && found.includes(fault), found);
    });
  }
});

describe('core, service and engine take from ports', () => {
  const uses: readonly [port: string, code: string][] = [
    ['clock', 'Date.now()'],
    ['clock', 'new Date()'],
    ['clock', 'new Date;'],
    ['clock', 'Date()'],
    ['clock', 'performance.now()'],
    ['clock', 'process.hrtime.bigint()'],
    ['clock', 'setTimeout(f, 1)'],
    ['clock', 'globalThis.setInterval(f, 1)'],
    ['clock', 'setImmediate(f)'],
    ['clock', 'AbortSignal.timeout(1)'],
    ['random', 'Math.random()'],
    ['random', 'crypto.randomUUID()'],
    ['random', 'randomBytes(16)'],
    ['random', 'crypto.getRandomValues(b)'],
  ];
  for (const [port, code] of uses) {
    test(`what ${code} would give`, () => {
      for (const layer of ['core', 'service', 'engine']) {
        const path = `server/src/${layer}/a.ts`;
        const found = onlyFault(path, `const a = 1;\nconst b = \`\${${code}}\`;\n`);
        assert.ok(found.startsWith(`${path}:2: `) && found.includes(`the ${port} port`), found);
      }
      assert.deepEqual(faultsOf('server/src/platform/a.ts', code), []);
    });
  }
});

describe('no fault is', () => {
  const clean: readonly [what: string, path: string, text: string][] = [
    [
      'what the layer may import',
      'server/src/engine/a.ts',
      "import 'undici';\nimport '../core/b.ts';",
    ],
    ['a sub-path of a whole package', 'server/src/http/a.ts', "import 'typebox/value';"],
    ['the receiver’s root in core', 'server/src/core/a.ts', "import '@posthorn/receiver';"],
    ['its Node part in the engine', 'server/src/engine/a.ts', "import '@posthorn/receiver/node';"],
    [
      'node: in receiver/src/node.ts',
      'receiver/src/node.ts',
      "import 'node:http';\nimport './a.ts';",
    ],
    [
      'any layer in the wiring',
      'server/src/index.ts',
      "import './http/a.ts';\nimport './cli/b.ts';",
    ],
    ['a date of a known moment', 'server/src/core/a.ts', 'new Date(atMs);'],
    ['a microtask', 'server/src/engine/a.ts', 'queueMicrotask(f);'],
    ['a comment', 'server/src/core/a.ts', "// import 'fs'\n/* Date.now() */"],
    ['a string', 'server/src/core/a.ts', 'const a = "import \'fs\'";'],
    ['a template', 'server/src/core/a.ts', "const a = `import 'fs'; ${b} Date.now()`;"],
    ['a regular expression', 'server/src/core/a.ts', "const a = /'/; const b = /Date.now/;"],
    ['a name that only ends so', 'server/src/core/a.ts', "reimport('fs'); clock.import('fs');"],
    ['an asset beside the code', 'server/src/store/a.ts', "new URL('./1.sql', import.meta.url);"],
  ];
  for (const [what, path, text] of clean)
    test(what, () => assert.deepEqual(faultsOf(path, text), []));
});

test('an import is found over several lines, and reported where its path is', () => {
  const text = "import {\n  a, // from 'x'\n  type b,\n} from '../http/b.ts';\n";
  assert.match(
    faultsOf('server/src/core/a.ts', text).join('\n'),
    /^server\/src\/core\/a\.ts:4: [^\n]*$/,
  );
});

test('an import cycle is reported once, at the import that closes it', () => {
  const faults = importFaults([
    { path: 'server/src/core/a.ts', text: "import './b.ts';" },
    { path: 'server/src/core/b.ts', text: "\nexport type { C } from './c.ts';" },
    { path: 'server/src/core/c.ts', text: "\n\nimport './a.ts';" },
    { path: 'server/src/core/d.ts', text: "import './a.ts';\nimport './c.ts';" },
  ]);
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /^server\/src\/core\/c\.ts:3: closes an import cycle: /);
});

test('a thread’s module may import the types of the module that starts it', () => {
  const starts = "new Worker(new URL('./b.ts', import.meta.url));";
  const faults = importFaults([
    { path: 'server/src/threads/a.ts', text: starts },
    { path: 'server/src/threads/b.ts', text: "import type { A } from './a.ts';" },
  ]);
  assert.deepEqual(faults, []);
});

test('text is blanked in place: lines and columns stay, code inside templates stays', () => {
  const rows: readonly [source: string, code: string][] = [
    ["a('b\\'c'); // d", "a('    ');     "],
    ['`x${ `y${z}` + {}.w }v`/2/u', '         z   + {}.w    /2/u'],
    ['return /["\'`]/.test(a) / b', 'return        .test(a) / b'],
    ['/* a\nb */ c', '    \n     c'],
  ];
  for (const [source, code] of rows) assert.equal(blankTextOf(source), code);
});
