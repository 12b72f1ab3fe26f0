// Runs the tests with Node's own runner: which files, which limits, and one rule Node lacks: a run
// in which nothing was tested fails.
//
//   node scripts/test.ts                         all tests but the long ones
//   node scripts/test.ts --long                  the long ones too
//   node scripts/test.ts a.test.ts b.test.ts     these files only
//   node scripts/test.ts --test-name-pattern=x   any option of `node --test`, its value after `=`
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const testFiles = [
  'receiver/test/**/*.test.ts',
  'server/test/**/*.test.ts',
  'examples/**/*.test.ts',
  'bench/**/*.test.ts',
  'scripts/**/*.test.ts',
];
const longTestFiles = ['**/*.long.ts'];

const testMsMax = 120_000;

// Node limits a test, not a file: one that leaves a socket open would hang the run for ever.
const runMsMax = 30 * 60_000;
const longRunMsMax = 180 * 60_000;

// Most tests wait for a socket or a disk, so two files at a time pay even where Node, which leaves
// one core free, would run one.
const filesAtOnce = Math.max(2, availableParallelism());

export interface Run {
  readonly args: readonly string[];
  readonly msMax?: number;
}

export interface Ended {
  readonly code: number;
  /** The signal this process was sent while the child ran, and passed on to it. */
  readonly stoppedBy: NodeJS.Signals | null;
}

/** Runs this Node in the repository's root, its output shown, and passes signals on to it. */
export function runNode({ args, msMax }: Run): Promise<Ended> {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  // Each file is a process of its own: what one has compiled the next need not compile again.
  const env = { NODE_COMPILE_CACHE: join(cwd, 'node_modules/.cache/tests'), ...process.env };
  const child = spawn(process.execPath, args, { cwd, env, stdio: 'inherit' });
  let stoppedBy: NodeJS.Signals | null = null;
  const passOn = (signal: NodeJS.Signals): void => {
    stoppedBy = signal;
    // A terminal interrupts the child itself; a second interrupt would cut its report short.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, passOn);
  const watchdog = msMax === undefined ? undefined : setTimeout(interruptLate, msMax);

  function interruptLate(): void {
    console.error(`Interrupted: not finished within ${(msMax ?? 0) / 60_000} minutes.`);
    // Node's test runner answers an interrupt by naming the files that still run.
    child.kill('SIGINT');
  }

  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(watchdog);
      for (const each of signals) process.off(each, passOn);
      resolve({ code: code ?? exitCodeOf(signal ?? 'SIGKILL'), stoppedBy });
    });
  });
}

/** The exit code a shell reports for a program that a signal ended. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

async function runTests(args: readonly string[]): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'posthorn-test-'));
  const tapFile = join(scratch, 'run.tap');
  try {
    const { code, stoppedBy } = await runNode({
      args: ['--test', ...runnerArguments(args, tapFile)],
      msMax: args.includes('--long') ? longRunMsMax : runMsMax,
    });
    if (stoppedBy !== null) return exitCodeOf(stoppedBy);
    if (code !== 0 || passedTests(readFileSync(tapFile, 'utf8')) > 0) return code;
    console.error('No test ran: no file has one, the name pattern fits none, or all are skipped.');
    return 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function runnerArguments(args: readonly string[], tapFile: string): string[] {
  const options = args.filter((arg) => arg.startsWith('-') && arg !== '--long');
  const named = args.filter((arg) => !arg.startsWith('-'));
  const everything = args.includes('--long') ? [...testFiles, ...longTestFiles] : testFiles;
  const chosenReporter = options.some((option) => option.startsWith('--test-reporter='));
  return [
    `--test-concurrency=${filesAtOnce}`,
    `--test-timeout=${testMsMax}`,
    // The second report is for passedTests.
    '--test-reporter=tap',
    `--test-reporter-destination=${tapFile}`,
    ...(chosenReporter ? [] : ['--test-reporter=spec']),
    '--test-reporter-destination=stdout',
    // Last, so that an option given by hand overrides ours.
    ...options,
    ...(named.length > 0 ? named : everything),
  ];
}

/** A file in which no test ran is reported as one passed test of the file's name: not counted. */
function passedTests(tap: string): number {
  const passed = Number(/^# pass (\d+)$/m.exec(tap)?.[1] ?? 0);
  return passed - (tap.match(/^ok \d+ - \S+\.ts$/gm)?.length ?? 0);
}

if (import.meta.main) process.exitCode = await runTests(process.argv.slice(2));
