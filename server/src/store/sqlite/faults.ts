import { PosthornError } from '../../core/errors.ts';

/**
 * What a failure of SQLite means:
 * - `locked`: another program holds the file; nothing happened, the same call may succeed soon
 * - `unavailable`: full, read-only, no descriptors …; nothing happened, the callers are told so
 * - `disk_failed`: a write or a sync failed; what the disk holds is unknown
 * - `data_corrupt`: a page is not what was written
 * - `call`: the call's own fault, a broken constraint for example
 */
export type Trouble = 'locked' | 'unavailable' | BrokenBy | 'call';
export type BrokenBy = 'disk_failed' | 'data_corrupt';

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html */
const TROUBLE_BY_CODE = new Map<number, Trouble>([
  [5, 'locked'], // BUSY
  [6, 'unavailable'], // LOCKED
  [8, 'unavailable'], // READONLY
  [10, 'disk_failed'], // IOERR
  [11, 'data_corrupt'], // CORRUPT
  [13, 'unavailable'], // FULL
  [14, 'unavailable'], // CANTOPEN
  [15, 'locked'], // PROTOCOL: a race for a lock of the log that was lost too often
  [26, 'data_corrupt'], // NOTADB
]);

/** IOERR_SHMSIZE: the log's index could not grow. Nothing was written; the disk is full, usually. */
const SHM_SIZE = 10 | (19 << 8);

export function troubleOf(error: unknown): Trouble {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== 'number') return 'call';
  if (code === SHM_SIZE) return 'unavailable';
  return TROUBLE_BY_CODE.get(code & 0xff) ?? 'call';
}

/** The store cannot go on: the process ends, and whoever looks after the machine has to act. */
export class StoreBrokenError extends Error {
  override name = 'StoreBrokenError';
  readonly by: BrokenBy;

  constructor(by: BrokenBy, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.by = by;
  }
}

export function broken(by: BrokenBy, cause: unknown): StoreBrokenError {
  return new StoreBrokenError(by, `${SENTENCES[by]} (SQLite: ${reasonOf(cause)})`, { cause });
}

/** The error as a `StoreBrokenError` if it is one of those that end the process, else as it is. */
export function brokenOr(error: unknown): unknown {
  const trouble = troubleOf(error);
  const ends = trouble === 'disk_failed' || trouble === 'data_corrupt';
  return ends ? broken(trouble, error) : error;
}

export function unavailable(cause: unknown): PosthornError {
  const reason = reasonOf(cause);
  return new PosthornError('store_unavailable', `The store cannot be used now: ${reason}.`, {
    retryAfterSeconds: 1,
    cause,
  });
}

const SENTENCES: Record<BrokenBy, string> = {
  disk_failed:
    'Posthorn ends because the disk failed to write the data file, so that what it holds is unknown: ' +
    'check the disk, then start again; everything that was answered 202 is read from the log.',
  data_corrupt:
    'Posthorn ends because the data file is damaged, and it is never repaired silently: keep a copy of ' +
    'it with its -wal file, check the disk, and restore a backup with "posthorn restore".',
};

function reasonOf(error: unknown): string {
  return (error as { errstr?: string } | null)?.errstr ?? 'unknown';
}
