/** A system call as `strace -f -yy` reports it: from when it began to when it had returned. */
export interface SystemCall {
  name: string;
  /** What the descriptor is: a path, or both ends of a connection. */
  target: string;
  /** The arguments, as they are printed. */
  args: string;
  result: number;
  /** Places in the trace; a call that another thread interrupted in it ends later than it begins. */
  begin: number;
  end: number;
}

/** The calls in the order in which they began. */
export function parseTrace(trace: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { text: string; begin: number }>();
  for (const [index, line] of trace.split('\n').entries()) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(text)?.[1];
    if (unfinished !== undefined) {
      open.set(thread, { text: unfinished, begin: index });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1];
    const begun = resumed === undefined ? { text: '', begin: index } : open.get(thread);
    open.delete(thread);
    if (begun === undefined) continue;
    const call = parseCall(begun.text + (resumed ?? text));
    if (call !== null) calls.push({ ...call, begin: begun.begin, end: index });
  }
  return calls.sort((a, b) => a.begin - b.begin);
}

function parseCall(text: string): Omit<SystemCall, 'begin' | 'end'> | null {
  const [, name, target, args, result] =
    /^(\w+)\(\d+<(.*?)>(?:, |(?=\)))(.*)\)\s+= (-?\d+)/.exec(text) ?? [];
  if (name === undefined || target === undefined) return null;
  return { name, target, args: args ?? '', result: Number(result) };
}

/** The ids that were answered 202 before the disk had the commit that they are in; each with why. */
export function answeredTooEarly(calls: readonly SystemCall[]): {
  answers: number;
  faults: string[];
} {
  const log = calls.filter(({ target }) => target.endsWith('/posthorn.db-wal'));
  const writes = log.filter(({ name }) => name === 'pwrite64');
  const syncs = log.filter(({ name, result }) => /^f(data)?sync$/.test(name) && result === 0);
  const answers = calls.filter(isAccepted);
  const faults = answers.flatMap((answer) => {
    const id = /evt_(\w+)/.exec(answer.args)?.[1];
    if (id === undefined) return 'an answer without an id';
    const written = writes.findIndex(({ args, end }) => end < answer.begin && args.includes(id));
    if (written < 0) return `evt_${id}: answered before it was written`;
    const committed = lastWriteOfTransaction(writes, written);
    if (committed === undefined) return `evt_${id}: answered before its commit was written`;
    const isCovered = syncs.some(({ begin, end }) => begin > committed.end && end < answer.begin);
    return isCovered ? [] : `evt_${id}: answered before its commit was synced`;
  });
  return { answers: answers.length, faults };
}

function isAccepted({ name, args }: SystemCall): boolean {
  return /^(?:write|writev|sendto|sendmsg)$/.test(name) && args.includes('"HTTP/1.1 202');
}

const FRAME_HEAD_BYTES = 24;

/**
 * The log is frames of a head and a page, each a write of its own. The head of a transaction's last
 * frame has the size of the database in it, the others zero: https://www.sqlite.org/fileformat2.html
 */
function lastWriteOfTransaction(
  writes: readonly SystemCall[],
  page: number,
): SystemCall | undefined {
  for (let at = page; at < writes.length; at += 1) {
    const head = headBefore(writes, at);
    if (head !== undefined && head.readUInt32BE(4) !== 0) return writes[at];
  }
  return undefined;
}

function headBefore(writes: readonly SystemCall[], page: number): Buffer | undefined {
  const before = writes[page - 1];
  if (before === undefined || before.result !== FRAME_HEAD_BYTES) return undefined;
  const bytes = bytesOf(before.args);
  return bytes.length === FRAME_HEAD_BYTES ? bytes : undefined;
}

const ESCAPES: Record<string, number> = { n: 10, t: 9, r: 13, v: 11, f: 12, '\\': 92, '"': 34 };

/** The first string among the arguments, which is printed as in C. */
function bytesOf(args: string): Buffer {
  const text = /^"((?:[^"\\]|\\.)*)"/.exec(args)?.[1] ?? '';
  const parts = text.match(/\\(?:[0-7]{1,3}|.)|[^\\]/g) ?? [];
  return Buffer.from(parts.map(byteOf));
}

function byteOf(part: string): number {
  const escaped = part.slice(1);
  if (escaped === '') return part.charCodeAt(0);
  return ESCAPES[escaped] ?? Number.parseInt(escaped, 8);
}
