import { StoreBrokenError } from '../store/sqlite/faults.ts';

/** What the program ends with, 0 apart; from 64 on as in sysexits(3). */
export const EXIT_CODES = {
  failed: 1,
  usage: 2,
  /** The data file is damaged: restore a backup. */
  data_corrupt: 65,
  /** A defect of ours. */
  crashed: 70,
  /** A write or a sync failed: check the disk, then start again. */
  disk_failed: 74,
} as const;

/** For what ends a running server. */
export function exitCodeOf(error: unknown): number {
  return error instanceof StoreBrokenError ? EXIT_CODES[error.by] : EXIT_CODES.crashed;
}
