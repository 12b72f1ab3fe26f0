import type { DiskFile, DiskRecord } from './disk-log.ts';

/**
 * What the disk may hold after a loss of power. What was synced is there. Each write since may be
 * there, or not, or in part: a disk writes sectors of 512 bytes, in any order. A file that was created
 * is there once it was synced, as on the usual file systems of Linux; one that was deleted may come
 * back until its folder was synced.
 */
export type DiskImage = Record<DiskFile, Buffer | null>;

/** What became of the writes that were not synced. */
export const LOSSES = ['dropped', 'cut off', 'torn', 'reordered', 'kept'] as const;
export type Loss = (typeof LOSSES)[number];

type Change = Pick<DiskRecord, 'kind' | 'offset' | 'bytes'>;

interface FileState {
  synced: Buffer | null;
  since: Change[];
}

const SECTOR_BYTES = 512;

/** A disk to which the records happen, one after the other. */
export class RecordedDisk {
  readonly #files: Record<DiskFile, FileState> = {
    data: { synced: null, since: [] },
    log: { synced: null, since: [] },
    journal: { synced: null, since: [] },
  };
  readonly #isSynced: (record: DiskRecord) => boolean;

  /** `isSynced` false plants a disk that lies: what it says is synced may be lost. */
  constructor(isSynced: (record: DiskRecord) => boolean = () => true) {
    this.#isSynced = isSynced;
  }

  apply(record: DiskRecord): void {
    const { kind, file } = record;
    if (file === 'none') return;
    if (file === 'folder') {
      if (kind === 'sync' && this.#isSynced(record)) this.#forgetDeleted();
      return;
    }
    const state = this.#files[file];
    if (kind === 'write' || kind === 'truncate' || kind === 'unlink') state.since.push(record);
    if (kind === 'sync' && this.#isSynced(record)) {
      state.synced = changed(state.synced, state.since);
      state.since = [];
    }
  }

  #forgetDeleted(): void {
    for (const state of Object.values(this.#files)) {
      const deletedAt = state.since.findLastIndex(({ kind }) => kind === 'unlink');
      if (deletedAt < 0) continue;
      state.synced = null;
      state.since = state.since.slice(deletedAt + 1);
    }
  }

  /** How many writes are not synced. */
  get unsynced(): number {
    return Object.values(this.#files).reduce((sum, { since }) => sum + since.length, 0);
  }

  image(loss: Loss, random: () => number): DiskImage {
    const after = ({ synced, since }: FileState) =>
      changed(synced === null ? null : Buffer.from(synced), survivors(since, loss, random));
    const { data, log, journal } = this.#files;
    return { data: after(data), log: after(log), journal: after(journal) };
  }
}

function survivors(since: readonly Change[], loss: Loss, random: () => number): Change[] {
  switch (loss) {
    case 'dropped':
      return [];
    case 'cut off':
      return since.slice(0, Math.floor(random() * (since.length + 1)));
    case 'torn':
      return since.flatMap((change) => sectors(change)).filter(() => random() < 0.5);
    case 'reordered':
      return shuffled(
        since.filter(() => random() < 0.7),
        random,
      );
    case 'kept':
      return [...since];
  }
}

/** A write as the writes of its sectors; SQLite need not begin at the edge of one. */
function sectors(change: Change): Change[] {
  if (change.kind !== 'write') return [change];
  const { offset, bytes } = change;
  const parts: Change[] = [];
  for (let from = 0; from < bytes.length; ) {
    const room = SECTOR_BYTES - ((offset + from) % SECTOR_BYTES);
    const to = Math.min(bytes.length, from + room);
    parts.push({ kind: 'write', offset: offset + from, bytes: bytes.subarray(from, to) });
    from = to;
  }
  return parts;
}

function shuffled(changes: readonly Change[], random: () => number): Change[] {
  return changes
    .map((change) => ({ change, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ change }) => change);
}

/** Changes the content in place where it is long enough already. */
function changed(content: Buffer | null, changes: readonly Change[]): Buffer | null {
  let now = content;
  let length = content?.length ?? 0;
  for (const { kind, offset, bytes } of changes) {
    if (kind === 'unlink') {
      now = null;
      length = 0;
      continue;
    }
    const end = kind === 'truncate' ? offset : Math.max(length, offset + bytes.length);
    now = withRoom(now, end);
    if (end > length) now.fill(0, length, end);
    if (kind === 'write') bytes.copy(now, offset);
    length = end;
  }
  return now === null ? null : now.subarray(0, length);
}

function withRoom(content: Buffer | null, length: number): Buffer {
  // `subarray` above keeps what it was cut from: only its own bytes count.
  if (content !== null && content.length >= length) return content;
  const larger = Buffer.alloc(length * 2);
  content?.copy(larger);
  return larger;
}
