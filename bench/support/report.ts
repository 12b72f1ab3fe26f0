import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

export const MEGABYTE = 1_048_576;

/** What the numbers depend on besides the code. */
export function machine(): Record<string, unknown> {
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', 'HEAD'),
    changedFiles: git('status', '--porcelain')?.split('\n').filter(Boolean).length ?? null,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? null,
    memoryBytes: totalmem(),
  };
}

/** Columns as wide as what is in them; the first to the left, numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) =>
      widths
        .map((width, column) => {
          const cell = line[column] ?? '';
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function whole(value: number): string {
  return notFinite(value) ?? Math.round(value).toLocaleString('en');
}

/** Infinite is a time that did not come. */
function notFinite(value: number): string | null {
  if (Number.isNaN(value)) return 'not measured';
  return Number.isFinite(value) ? null : 'never';
}

export function fixed(value: number, digits: number): string {
  return notFinite(value) ?? value.toFixed(digits);
}

export function megabytes(bytes: number): string {
  return whole(bytes / MEGABYTE);
}

function git(...args: string[]): string | null {
  try {
    const cwd = new URL('.', import.meta.url);
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: [...stdio] }).trim();
  } catch {
    // Without git, or outside a clone, the report has no commit.
    return null;
  }
}
