// Writes the tables of reference pages from the tables in code, between two markers each, and the
// OpenAPI document.
//
//   node scripts/reference-pages.ts           writes what differs
//   node scripts/reference-pages.ts --check   fails when a page differs
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SETTINGS, type Setting } from '../server/src/cli/settings.ts';
import { ERRORS } from '../server/src/core/errors.ts';
import { FIRST_EVENT_TYPES } from '../server/src/core/event-types.ts';
import { ATTEMPT_FAILURES, ATTEMPT_NOTES, DISABLED_REASONS } from '../server/src/core/model.ts';
import { openApiText } from '../server/src/http/openapi/document.ts';
import {
  METRIC_PREFIX,
  METRICS,
  type MetricDefinition,
} from '../server/src/observe/metric-definitions.ts';

export interface ReferencePage {
  /** From the repository's root. */
  readonly path: string;
  /** What stands between its pairs of markers, in their order. */
  readonly tables: readonly (() => string)[];
}

export const REFERENCE_PAGES: readonly ReferencePage[] = [
  { path: 'docs/configuration.md', tables: [() => settingsTable(SETTINGS)] },
  { path: 'docs/errors.md', tables: [() => errorsTable(ERRORS)] },
  { path: 'docs/metrics.md', tables: [() => metricsTable(METRICS)] },
  {
    path: 'docs/webhooks.md',
    tables: [
      () => codesTable(FIRST_EVENT_TYPES, 'event'),
      () => codesTable(ATTEMPT_FAILURES),
      () => codesTable(ATTEMPT_NOTES),
      () => codesTable(DISABLED_REASONS),
    ],
  },
];

/** What the server answers at `/v1/openapi.json`, for readers without a server. */
export const OPENAPI_PATH = 'spec/openapi.json';

const BEGIN = '<!-- made by scripts/reference-pages.ts from the table in code; do not edit -->';
const END = '<!-- end -->';

/** The page with its tables as the code has them now. */
export function withTables(text: string, tables: readonly string[]): string {
  let written = '';
  let rest = text;
  for (const table of tables) {
    const [before, after] = split(rest, BEGIN);
    written += `${before}${BEGIN}\n\n${table}\n\n${END}`;
    [, rest] = split(after, END);
  }
  return written + rest;
}

function split(text: string, marker: string): [before: string, after: string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`The page has no line "${marker}".`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

export function settingsTable(settings: Readonly<Record<string, Setting<unknown>>>): string {
  return table(
    ['variable', 'type', 'default', 'what it is'],
    Object.values(settings).map((setting) => [
      code(setting.env),
      setting.bounds === '' ? setting.type : `${setting.type}: ${setting.bounds}`,
      defaultOf(setting),
      setting.secret ? `${setting.describe} Secret.` : setting.describe,
    ]),
  );
}

function defaultOf({ default: { dev, serve }, neededToServe }: Setting<unknown>): string {
  if (neededToServe !== null) return 'none; `serve` needs one';
  const shown = (value: string | null) => (value === null || value === '' ? 'none' : code(value));
  return dev === serve ? shown(dev) : `${shown(serve)}; \`dev\`: ${shown(dev)}`;
}

export function errorsTable(
  errors: Readonly<Record<string, { status: number; title: string; help: string }>>,
): string {
  return table(
    ['code', 'status', 'meaning', 'what to do'],
    Object.entries(errors).map(([name, { status, title, help }]) => [
      code(name),
      String(status),
      title,
      help,
    ]),
  );
}

export function codesTable(codes: Readonly<Record<string, string>>, head = 'code'): string {
  return table(
    [head, 'meaning'],
    Object.entries(codes).map(([name, sentence]) => [code(name), sentence]),
  );
}

export function metricsTable(metrics: Readonly<Record<string, MetricDefinition>>): string {
  return table(
    ['metric', 'type', 'what it is', 'labels'],
    Object.entries(metrics).map(([name, { type, help, labels = {} }]) => [
      code(METRIC_PREFIX + name),
      type,
      help,
      Object.entries(labels)
        .map(([label, values]) => `${code(label)}: ${labelValues(values)}`)
        .join('; '),
    ]),
  );
}

function labelValues(values: readonly string[] | string): string {
  return typeof values === 'string' ? values : values.map(code).join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(value: string): string {
  return `\`${value}\``;
}

// ---------------------------------------------------------------------------------------------

const root = fileURLToPath(new URL('..', import.meta.url));

/** One line per page that is not as the code has it. */
export function referenceFaults(read = readPage): string[] {
  const faults = REFERENCE_PAGES.flatMap((page) => {
    const text = read(page.path);
    if (asInCode(page, text) === text) return [];
    return [`${page.path}: a table differs from the one in code; run scripts/reference-pages.ts`];
  });
  if (read(OPENAPI_PATH) === openApiText()) return faults;
  return [
    ...faults,
    `${OPENAPI_PATH}: not what the server answers; run scripts/reference-pages.ts`,
  ];
}

function asInCode({ tables }: ReferencePage, text: string): string {
  return withTables(
    text,
    tables.map((table) => table()),
  );
}

export function readPage(path: string): string {
  return readFileSync(`${root}${path}`, 'utf8');
}

function writePages(): void {
  for (const page of REFERENCE_PAGES) {
    const text = readPage(page.path);
    writeChanged(page.path, text, asInCode(page, text));
  }
  writeChanged(OPENAPI_PATH, readPage(OPENAPI_PATH), openApiText());
}

function writeChanged(path: string, before: string, after: string): void {
  if (before === after) return;
  writeFileSync(`${root}${path}`, after);
  console.log(`${path}: written.`);
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const faults = referenceFaults();
    for (const fault of faults) console.error(fault);
    if (faults.length > 0) process.exitCode = 1;
  } else {
    writePages();
  }
}
