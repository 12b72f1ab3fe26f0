// Checks that what the documents point at exists: relative links and their anchors, repository
// paths in backticks, npm commands. Covers *.md in the root, everything below docs/, and the pages of
// the examples. And that a test runs what people paste from them (`snippets.ts`).
import { existsSync, globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { snippetFaults } from './snippets.ts';

export interface Doc {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

export interface Repository {
  /** The names of the root package's npm scripts. */
  readonly scripts: ReadonlySet<string>;
  exists(path: string): boolean;
  read(path: string): string;
}

// A path in backticks is ours when it begins with one of these.
const places =
  /^(?:server|receiver|dashboard|examples|bench|docs|spec|scripts|\.ci)\/[\w./@-]*(?::\d+)?$/;

// npm's own commands that a document may show; `npm test` and the like are scripts.
const npmCommands = new Set(
  'ci i install uninstall update exec init create link ls view audit pack publish'.split(' '),
);

/** One line per fault: `file:line: what is missing`. */
export function docsFaults(docs: readonly Doc[], repository: Repository): string[] {
  return docs.flatMap((doc) =>
    linesOf(doc.text).flatMap((line) =>
      [
        ...linkFaults(doc, line, repository),
        ...pathFaults(line, repository),
        ...npmFaults(line, repository),
      ].map((fault) => `${doc.path}:${line.number}: ${fault}`),
    ),
  );
}

interface Line {
  readonly number: number;
  /** Without code; empty inside a fence. */
  readonly prose: string;
  /** What stands in backticks, or the line of a fence. */
  readonly code: readonly string[];
  readonly fenced: boolean;
}

function linesOf(text: string): Line[] {
  let fence: string | undefined;
  return text.split('\n').map((line, index) => {
    const number = index + 1;
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
      return { number, prose: '', code: mark ? [] : [line], fenced: true };
    }
    fence = mark;
    if (mark !== undefined) return { number, prose: '', code: [], fenced: true };
    const code = [...line.matchAll(/(`+)(.+?)\1(?!`)/g)].map((match) => match[2] ?? '');
    return { number, prose: line.replace(/(`+)(.+?)\1(?!`)/g, '``'), code, fenced: false };
  });
}

function linkFaults(doc: Doc, { prose }: Line, repository: Repository): string[] {
  const inline = prose.matchAll(/\]\(\s*<?([^)\s>]+)/g);
  const references = prose.matchAll(/^\s*\[[^\]]+\]:\s*<?([^\s>]+)/g);
  return [...inline, ...references].flatMap(([, target = '']) => {
    // A scheme or a host: not ours to check.
    if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    const path = file ? posix.join(posix.dirname(doc.path), decodeURI(file)) : doc.path;
    if (path.startsWith('..')) return [`link ${target} leaves the repository`];
    if (file && !repository.exists(path)) return [`link ${target} leads to no file`];
    if (!anchor || !path.endsWith('.md')) return [];
    const text = file ? repository.read(path) : doc.text;
    return anchorsOf(text).has(decodeURI(anchor)) ? [] : [`link ${target} leads to no heading`];
  });
}

/** The anchors GitHub gives to headings, and those written by hand. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id = '']) => id));
  const fenced = new Set(linesOf(text).flatMap(({ number, fenced }) => (fenced ? [number] : [])));
  text.split('\n').forEach((line, index) => {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined || fenced.has(index + 1)) return;
    const slug = slugOf(heading);
    let anchor = slug;
    for (let repeat = 1; anchors.has(anchor); repeat++) anchor = `${slug}-${repeat}`;
    anchors.add(anchor);
  });
  return anchors;
}

function slugOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-');
}

function pathFaults({ code, fenced }: Line, repository: Repository): string[] {
  if (fenced) return [];
  return code
    .filter((path) => places.test(path) && !path.includes('...'))
    .map((path) => path.replace(/:\d+$/, ''))
    .filter((path) => !repository.exists(path))
    .map((path) => `\`${path}\` does not exist`);
}

function npmFaults({ prose, code }: Line, { scripts }: Repository): string[] {
  const texts = [prose, ...code];
  const run = texts.flatMap((text) => [
    ...text.matchAll(/\bnpm run ([a-z][\w-]*(?:[:.][\w-]+)*)/g),
  ]);
  // Only in code: prose says "npm packages".
  const short = code.flatMap((text) => [...text.matchAll(/\bnpm ([a-z][\w:-]*)/g)]);
  const known = (name: string) => scripts.has(name) || npmCommands.has(name);
  return [
    ...run.filter(([, name = '']) => !scripts.has(name)),
    ...short.filter(([, name = '']) => name !== 'run' && !known(name)),
  ].map(([command]) => `\`${command}\`: package.json has no such script`);
}

// ---------------------------------------------------------------------------------------------

const root = fileURLToPath(new URL('..', import.meta.url));

/** The documents and the repository as they are on disk. */
export function onDisk(): { docs: Doc[]; tests: Doc[]; repository: Repository } {
  const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
  const found = (patterns: string[]): Doc[] =>
    globSync(patterns, { cwd: root }).map((path) => ({ path, text: read(path) }));
  const manifest: { scripts: Record<string, string> } = JSON.parse(read('package.json'));
  return {
    docs: found(['*.md', 'docs/**/*.md', 'examples/*/*.md']),
    tests: found(['server/test/docs/*.test.ts']),
    repository: {
      scripts: new Set(Object.keys(manifest.scripts)),
      exists: (path) => existsSync(`${root}${path}`),
      read,
    },
  };
}

if (import.meta.main) {
  const { docs, tests, repository } = onDisk();
  const faults = [...docsFaults(docs, repository), ...snippetFaults(docs, tests)];
  for (const fault of faults) console.error(fault);
  console.log(`Documents: ${docs.length} files, ${faults.length} faults.`);
  if (faults.length > 0) process.exitCode = 1;
}
