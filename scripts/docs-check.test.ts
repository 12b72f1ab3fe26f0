import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { docsFaults, onDisk, type Repository } from './docs-check.ts';
import { snippetFaults } from './snippets.ts';

const files: Record<string, string> = {
  'README.md': '# Posthorn\n\n## Start it: `npm start`\n\n## Start it: `npm start`\n',
  'docs/guide.md': '# Guide\n\n```\n# not a heading\n```\n\n<a id="by-hand"></a>\n',
  'server/src/index.ts': '',
};

const repository: Repository = {
  scripts: new Set(['start', 'test', 'test:long']),
  exists: (path) =>
    Object.keys(files).some((file) => `${file}/`.startsWith(path.replace(/\/?$/, '/'))),
  read: (path) => files[path] ?? '',
};

const faultsOf = (text: string) => docsFaults([{ path: 'docs/a.md', text }], repository);

test('every link, path and npm command of the documents exists', () => {
  const { docs, repository } = onDisk();
  assert.deepEqual(docsFaults(docs, repository), []);
});

describe('a fault is', () => {
  const faults: readonly [what: string, text: string, fault: string][] = [
    ['a link to no file', '[a](gone.md)', 'link gone.md leads to no file'],
    ['an image of no file', '![a](gone.png)', 'link gone.png leads to no file'],
    [
      'a link relative to the wrong folder',
      '[a](docs/guide.md)',
      'link docs/guide.md leads to no file',
    ],
    ['a reference to no file', '[a]: gone.md', 'link gone.md leads to no file'],
    ['a link out of the repository', '[a](../../b.md)', 'link ../../b.md leaves the repository'],
    ['an anchor of no heading', '[a](guide.md#setup)', 'link guide.md#setup leads to no heading'],
    [
      'an anchor of a comment in code',
      '[a](guide.md#not-a-heading)',
      'link guide.md#not-a-heading leads to no heading',
    ],
    ['an anchor of no heading here', '# A\n[b](#b)', 'link #b leads to no heading'],
    ['a path of no file', 'See `server/src/gone.ts`.', '`server/src/gone.ts` does not exist'],
    ['a path with a line', '`server/src/gone.ts:12`', '`server/src/gone.ts` does not exist'],
    [
      'an unknown script in prose',
      'Use npm run gone.',
      '`npm run gone`: package.json has no such script',
    ],
    [
      'an unknown script in code',
      '`npm run gone`',
      '`npm run gone`: package.json has no such script',
    ],
    [
      'an unknown script in a fence',
      '```\nnpm run gone\n```',
      '`npm run gone`: package.json has no such script',
    ],
    ['an unknown npm command', '`npm stop`', '`npm stop`: package.json has no such script'],
  ];
  for (const [what, text, fault] of faults) {
    test(what, () => {
      const line = text.split('\n').findIndex((each) => /gone|#b|\(|npm/.test(each)) + 1;
      assert.deepEqual(faultsOf(text), [`docs/a.md:${line}: ${fault}`]);
    });
  }
});

describe('no fault is', () => {
  const clean: readonly [what: string, text: string][] = [
    ['a link to a file', '[a](guide.md) [b](../README.md) [c](<../server/src/index.ts>)'],
    ['a link to a folder', '[a](../server/src/)'],
    ['an anchor of a heading', '[a](../README.md#start-it-npm-start)'],
    ['an anchor of the second heading of a name', '[a](../README.md#start-it-npm-start-1)'],
    ['an anchor set by hand', '[a](guide.md#by-hand)'],
    ['an anchor in the same file', '# What is it, *really*?\n[a](#what-is-it-really)'],
    ['a link elsewhere', '[a](https://example.com/b#c) [d](mailto:e@example.com)'],
    ['a link in code', '`[a](gone.md)`\n~~~\n[a](gone.md)\n~~~'],
    ['a path that exists', '`server/src/index.ts:3` `server/src/` `server/src`'],
    ['a pattern or a placeholder', '`server/src/**/*.ts` `docs/<name>.md` `docs/...`'],
    ['a path of somebody else', '`src/gone.ts`'],
    ['a script', 'npm run test:long. `npm test` `npm start`'],
    ['a command of npm', '`npm ci` `npm install posthorn`'],
    ['npm in prose', 'The npm packages.'],
  ];
  for (const [what, text] of clean) test(what, () => assert.deepEqual(faultsOf(text), []));
});

describe('blocks of code', () => {
  const page = '# A\n\n```bash\ncurl a\n```\n\n```json\n{}\n```\n';
  const faultsWith = (path: string, text: string, test: string) =>
    snippetFaults([{ path, text }], [{ path: 'server/test/docs/a.test.ts', text: test }]);

  test('are all run or shown', () => {
    const { docs, tests } = onDisk();
    assert.deepEqual(snippetFaults(docs, tests), []);
  });

  test('are a fault when no test asks for those of the page in their language', () => {
    const fault = 'no test below server/test/docs runs the blocks in bash';
    for (const test of ['', "snippetsOf('docs/a.md', 'ts')", "snippetsOf('docs/b.md', 'bash')"]) {
      assert.deepEqual(faultsWith('docs/a.md', page, test), [`docs/a.md:3: ${fault}`]);
    }
    assert.deepEqual(faultsWith('docs/a.md', page, "snippetsOf('docs/a.md', 'bash')"), []);
  });

  test('are a fault without a language, and in one that is unknown', () => {
    const faults = faultsWith('README.md', '```\na\n```\n```ruby\nb\n```\n', '');
    assert.deepEqual(faults, [
      'README.md:1: the block does not say its language',
      'README.md:4: blocks in ruby are unknown to scripts/snippets.ts',
    ]);
  });

  test('of decisions are not followed by readers', () => {
    assert.deepEqual(faultsWith('docs/decisions/0001-a.md', page, ''), []);
  });
});
