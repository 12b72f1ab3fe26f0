// Checks which way imports point: the architecture as a table, held against every file of
// server/src and receiver/src, and the examples that are to be copied. ARCHITECTURE.md says why; this file says what.
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Layer {
  /** A folder (with its slash) or a single file. A file belongs to the first row that fits. */
  readonly place: string;
  /** Places it may import; its own is always among them. */
  readonly imports: readonly string[] | 'everything';
  /** Exact specifiers, or `name/*` for whatever lies below. */
  readonly npm: readonly string[];
  readonly node?: true;
  /** Time, timers and randomness come through ports, so that a simulation can supply them. */
  readonly portsOnly?: true;
}

const core = 'server/src/core/';
const service = 'server/src/service/';
const engine = 'server/src/engine/';
const store = 'server/src/store/';
const http = 'server/src/http/';
const observe = 'server/src/observe/';
const platform = 'server/src/platform/';
const client = 'server/src/client/';
const threads = 'server/src/threads/';
const portable = 'receiver/src/';
const everything = 'everything';
const sign = '@posthorn/receiver';

const layers: readonly Layer[] = [
  { place: core, imports: [], npm: [sign, `${sign}/sender`], portsOnly: true },
  { place: service, imports: [core], npm: [sign], portsOnly: true },
  {
    place: engine,
    imports: [core],
    npm: ['undici', sign, `${sign}/node`],
    node: true,
    portsOnly: true,
  },
  { place: store, imports: [core], npm: ['pg'], node: true },
  {
    place: http,
    imports: [core, service],
    npm: ['fastify', '@fastify/*', 'typebox', 'typebox/*', 'ajv', 'ajv/*', sign, `${sign}/sender`],
    node: true,
  },
  { place: observe, imports: [core], npm: ['pino', '@prometheus-io/client'], node: true },
  { place: platform, imports: [core], npm: ['ajv/*'], node: true },
  { place: threads, imports: [core, engine, store, platform, observe], npm: [], node: true },
  // For browsers too: it takes types only, which are gone when it runs (its test bundles it).
  {
    place: client,
    imports: [core, http],
    npm: ['typebox'],
  },
  { place: 'server/src/cli/', imports: everything, npm: ['commander'], node: true },
  { place: 'server/src/index.ts', imports: everything, npm: ['commander'], node: true },
  { place: 'receiver/src/node.ts', imports: [portable], npm: [], node: true },
  { place: 'receiver/src/testing.ts', imports: [portable], npm: [], node: true },
  { place: portable, imports: [], npm: [] },
  // Something to copy: it knows Posthorn as whoever copies it does.
  {
    place: 'examples/account-api/',
    imports: [],
    npm: ['posthorn/client', 'fastify', '@fastify/type-provider-typebox', 'typebox', 'pg'],
    node: true,
  },
];

const throughPorts: readonly { readonly uses: RegExp; readonly port: string }[] = [
  { uses: /\bDate\s*\.\s*now\b/g, port: 'clock' },
  { uses: /(?<![.\w$])Date\s*\(\s*\)|\bnew\s+Date\b(?!\s*\()/g, port: 'clock' },
  { uses: /\bperformance\s*\.\s*now\b|\bhrtime\b/g, port: 'clock' },
  { uses: /\bset(?:Timeout|Interval|Immediate)\b|\bAbortSignal\s*\.\s*timeout\b/g, port: 'clock' },
  { uses: /\bMath\s*\.\s*random\b/g, port: 'random' },
  { uses: /\b(?:randomUUID|randomBytes|randomInt|getRandomValues)\b/g, port: 'random' },
];

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly file: string;
  readonly line: number;
  /** null where the specifier is computed, which nothing can check. */
  readonly specifier: string | null;
  /** `new URL('./b.ts', import.meta.url)` starts a module elsewhere: it cannot close a cycle. */
  readonly kind: 'import' | 'url';
}

/** One line per fault, `file:line: what; the rule`. Type imports count: they couple as well. */
export function importFaults(files: readonly SourceFile[]): string[] {
  const sources = files.map(({ path, text }) => ({ path, text, code: blankTextOf(text) }));
  const imports = sources.flatMap(importsOf);
  return [
    ...sources.filter(({ path }) => !layerOf(path)).map(({ path }) => unknownFolder(path)),
    ...imports.flatMap((each) => faultOf(each) ?? []),
    ...sources.flatMap(({ path, code }) =>
      layerOf(path)?.portsOnly ? portFaults(path, code) : [],
    ),
    ...cycleFaults(imports),
  ];
}

function layerOf(path: string): Layer | undefined {
  return layers.find(({ place }) =>
    place.endsWith('/') ? path.startsWith(place) : path === place,
  );
}

function unknownFolder(path: string): string {
  return `${path}:1: lies in no known layer; a new one needs a row in scripts/import-direction.ts`;
}

function faultOf(each: Import): string | undefined {
  const layer = layerOf(each.file);
  if (!layer) return undefined;
  const { specifier } = each;
  const fault = (what: string, rule: string) => `${each.file}:${each.line}: ${what}; ${rule}`;
  if (specifier === null) return fault('imports a computed name', 'a name must be a plain string');
  if (specifier.startsWith('.')) {
    const broken = relativeRuleBroken(layer, each.file, specifier);
    return broken && fault(`imports '${specifier}'`, broken);
  }
  if (specifier.startsWith('node:')) {
    return layer.node ? undefined : fault(`imports '${specifier}'`, `${layer.place} uses no node:`);
  }
  if (layer.npm.some((allowed) => allows(allowed, specifier))) return undefined;
  const rule = `npm packages of ${layer.place}: ${layer.npm.join(', ') || 'none'}`;
  return fault(`imports '${specifier}'`, rule);
}

function relativeRuleBroken(layer: Layer, file: string, specifier: string): string | undefined {
  const target = resolve(file, specifier);
  const root = `${file.split('/').slice(0, 2).join('/')}/`;
  if (!target.startsWith(root)) return `a relative import stays inside ${root}`;
  if (!specifier.endsWith('.ts')) return 'an import ends in .ts';
  const targetLayer = layerOf(target);
  // Reported once, where the file itself is.
  if (!targetLayer || targetLayer === layer || layer.imports === everything) return undefined;
  if (layer.imports.includes(targetLayer.place)) return undefined;
  return `${layer.place} imports only ${['itself', ...layer.imports].join(', ')}`;
}

function resolve(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier);
}

function allows(allowed: string, specifier: string): boolean {
  if (allowed.endsWith('/*')) return specifier.startsWith(allowed.slice(0, -1));
  return specifier === allowed;
}

function portFaults(file: string, code: string): string[] {
  return throughPorts.flatMap(({ uses, port }) =>
    [...code.matchAll(uses)].map(
      (use) =>
        `${file}:${lineAt(code, use.index)}: uses ${use[0]}; it comes through the ${port} port`,
    ),
  );
}

/** Each cycle once, at the import that closes it. */
function cycleFaults(imports: readonly Import[]): string[] {
  const edges = imports.flatMap(({ file, line, specifier, kind }) =>
    specifier?.startsWith('.') && kind === 'import'
      ? [{ file, line, target: resolve(file, specifier) }]
      : [],
  );
  const edgesFrom = Map.groupBy(edges, ({ file }) => file);
  const faults: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (done.has(file)) return;
    const path = [...trail, file];
    for (const { line, target } of edgesFrom.get(file) ?? []) {
      const start = path.indexOf(target);
      if (start < 0) visit(target, path);
      else faults.push(`${file}:${line}: closes an import cycle: ${cycle(path.slice(start))}`);
    }
    done.add(file);
  };
  for (const file of edgesFrom.keys()) visit(file, []);
  return faults;
}

function cycle(files: readonly string[]): string {
  return `${[...files, files[0]].join(' → ')}; imports form no cycle`;
}

// ---------------------------------------------------------------------------------------------
// Reading a source: no parser ships with Node, and none is needed once text cannot pass for code.

const statement = /(?<![.\w$])(?:import|export)\b(?:[^'"`;()=]*?\bfrom)?\s*(?=['"])/g;
const dynamic = /(?<![.\w$])import\s*\(\s*/g;
const url = /\bnew\s+URL\s*\(\s*(?=(['"]) *\1\s*,\s*import\s*\.\s*meta\s*\.\s*url\b)/g;

function importsOf({ path, text, code }: SourceFile & { code: string }): Import[] {
  const find = (pattern: RegExp, kind: Import['kind']): Import[] =>
    [...code.matchAll(pattern)].map((match) => {
      const at = match.index + match[0].length;
      const specifier = /^(['"])(.*?)\1/.exec(text.slice(at))?.[2] ?? null;
      return { file: path, line: lineAt(code, at), specifier, kind };
    });
  // A URL may also name an asset, such as an SQL file; only a module is an import.
  const modules = find(url, 'url').filter(({ specifier }) => specifier?.endsWith('.ts'));
  return [...find(statement, 'import'), ...find(dynamic, 'import'), ...modules];
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

// Tried in this order, at one place after the other.
const tokens = {
  comment: /\/\/.*|\/\*[\s\S]*?\*\//y,
  string: /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y,
  templateStart: /`(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{)/y,
  templateRest: /\}(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{)/y,
  regex: /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/y,
  word: /[\w$]+/y,
  space: /\s+/y,
  mark: /[\s\S]/y,
};
type Kind = keyof typeof tokens;
const kinds = Object.keys(tokens) as Kind[];
const wordsBeforeRegex = new Set(
  'return typeof case in of do else void yield await throw'.split(' '),
);

/** The same text with comments, strings, templates and regular expressions blanked in place. */
export function blankTextOf(source: string): string {
  let code = '';
  // A `/` after a value divides; anywhere else it opens a regular expression. After `)` both can
  // be; division is the common one.
  let afterValue = false;
  // For each open template, how many braces are open inside its current `${`.
  const templates: number[] = [];
  while (code.length < source.length) {
    const braces = templates.at(-1);
    const { kind, text } = tokenAt(source, code.length, (each) => {
      if (each === 'regex') return !afterValue;
      return each !== 'templateRest' || braces === 0;
    });
    code += withoutText(kind, text);
    if (kind === 'templateRest') templates.pop();
    if (text.endsWith('${') && kind.startsWith('template')) templates.push(0);
    else if (braces !== undefined && text === '{') templates[templates.length - 1] = braces + 1;
    else if (braces !== undefined && text === '}') templates[templates.length - 1] = braces - 1;
    if (kind !== 'space' && kind !== 'comment') afterValue = endsValue(kind, text);
  }
  return code;
}

function tokenAt(source: string, at: number, possible: (kind: Kind) => boolean) {
  for (const kind of kinds) {
    tokens[kind].lastIndex = at;
    const text = possible(kind) && tokens[kind].exec(source)?.[0];
    if (text) return { kind, text };
  }
  throw new Error('unreachable: every character is a mark');
}

function withoutText(kind: Kind, text: string): string {
  if (kind === 'word' || kind === 'space' || kind === 'mark') return text;
  // The quotes stay: they show where a specifier is.
  return kind === 'string' ? text[0] + blank(text.slice(1, -1)) + text[0] : blank(text);
}

function endsValue(kind: Kind, text: string): boolean {
  if (kind === 'word') return !wordsBeforeRegex.has(text);
  if (kind === 'mark') return text === ')' || text === ']';
  return !text.endsWith('${');
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

// ---------------------------------------------------------------------------------------------

/** Every source file of both packages and of the account API, as they are on disk. */
export function sourceFiles(): SourceFile[] {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const places = ['{server,receiver}/src/**/*.ts', 'examples/account-api/{*,routes/*}.ts'];
  return globSync(places, { cwd }).map((path) => ({
    path,
    text: readFileSync(`${cwd}${path}`, 'utf8'),
  }));
}

if (import.meta.main) {
  const files = sourceFiles();
  const faults = importFaults(files);
  for (const fault of faults) console.error(fault);
  console.log(`Import direction: ${files.length} files, ${faults.length} faults.`);
  if (files.length === 0 || faults.length > 0) process.exitCode = 1;
}
