import { readFileSync } from 'node:fs';

const KINDS = ['', 'write', 'sync', 'truncate', 'unlink', 'acknowledged', 'failed'] as const;
const FILES = { 0: 'none', 1: 'log', 2: 'data', 4: 'journal', 8: 'folder' } as const;
const HEAD_BYTES = 24;

/** The journal serves only the very first transaction, before the file keeps a log. */
export type DiskFile = 'log' | 'data' | 'journal';

/** What the shim recorded, in the order in which it happened; `sync` when it had returned. */
export interface DiskRecord {
  kind: (typeof KINDS)[number];
  file: DiskFile | 'folder' | 'none';
  /** Of a write; the new length of a truncate. */
  offset: number;
  /** What was written; the answer that was about to be sent. */
  bytes: Buffer;
}

export function readDiskLog(path: string): DiskRecord[] {
  const log = readFileSync(path);
  const records: DiskRecord[] = [];
  for (let at = 0; at + HEAD_BYTES <= log.length; ) {
    const length = Number(log.readBigUInt64LE(at + 16));
    const kind = KINDS[log.readUInt32LE(at)];
    const file = FILES[log.readUInt32LE(at + 4) as keyof typeof FILES];
    if (kind === undefined || file === undefined) throw new Error('not a log of the shim');
    const offset = Number(log.readBigUInt64LE(at + 8));
    const end = at + HEAD_BYTES + length;
    records.push({ kind, file, offset, bytes: log.subarray(at + HEAD_BYTES, end) });
    at = end;
  }
  return records;
}

/** The event id in a recorded answer. */
export function acknowledgedId({ bytes }: DiskRecord): string {
  const id = /"id":"(evt_\w+)"/.exec(bytes.toString('latin1'))?.[1];
  if (id === undefined) throw new Error(`an answer without an id: ${bytes}`);
  return id;
}
