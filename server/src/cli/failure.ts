import { StoreBrokenError } from '../store/sqlite/faults.ts';
import { EXIT_CODES, exitCodeOf } from './exit-codes.ts';
import { SettingsError } from './read-settings.ts';
import { errorText } from './say-error.ts';

/** Why the program ends, as it is told on standard error, and what it ends with. */
export interface Failure {
  text: string;
  exitCode: number;
}

/** Something failed in another process, which has told why. */
export class ProcessFailedError extends Error {
  override name = 'ProcessFailedError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.text);
    this.failure = failure;
  }
}

/** What the operator can change is said in a sentence; anything else with its stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ProcessFailedError) return error.failure;
  if (error instanceof SettingsError) return { text: error.message, exitCode: EXIT_CODES.usage };
  const { name, message, code } = error as Error & { code?: string };
  if (error instanceof StoreBrokenError) return { text: message, exitCode: exitCodeOf(error) };
  const exitCode = EXIT_CODES.failed;
  if (code === 'EADDRINUSE') {
    return { text: `${message}. Choose another port with POSTHORN_PORT or --port.`, exitCode };
  }
  const isPlain = name === 'DataFileInUseError' || name === 'Error';
  return { text: isPlain ? message : errorText(error), exitCode };
}

/** Tells it and ends the program. */
export function endAfterFailure(error: unknown): never {
  const { text, exitCode } = failureOf(error);
  console.error(text);
  process.exit(exitCode);
}
