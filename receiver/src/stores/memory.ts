import type { Claim, EventStore } from './store.ts';

export interface MemoryStoreOptions {
  /** How many events are remembered; 100,000 unless given, about 20 MB. */
  entriesMax?: number;
  /** The present in Unix milliseconds, unless that is the clock of the machine. */
  now?: () => number;
}

export interface MemoryStore extends EventStore {
  /** Events that were forgotten early because `entriesMax` was reached. */
  readonly forgotten: number;
}

interface Entry {
  /** Undefined once the event is done. */
  readonly token: string | undefined;
  readonly untilMs: number;
}

/**
 * For one process: others do not see it, and a restart forgets it. When it is full the event that
 * was done longest ago is forgotten; claims are never.
 */
export function memoryStore({
  entriesMax = 100_000,
  now = Date.now,
}: MemoryStoreOptions = {}): MemoryStore {
  /** In the order in which they were claimed or done. */
  const entries = new Map<string, Entry>();
  let forgotten = 0;

  function makeRoom(): boolean {
    if (entries.size < entriesMax) return true;
    for (const [id, { token, untilMs }] of entries) {
      const isOver = untilMs <= now();
      if (token !== undefined && !isOver) continue;
      if (!isOver) forgotten++;
      return entries.delete(id);
    }
    return false;
  }

  function claim(id: string, token: string, leaseMs: number): Claim {
    const entry = entries.get(id);
    const leftMs = (entry?.untilMs ?? 0) - now();
    if (entry !== undefined && leftMs > 0) {
      return entry.token === undefined
        ? { outcome: 'done' }
        : { outcome: 'busy', freeInMs: leftMs };
    }
    entries.delete(id);
    // Full of claims: this many handlers run at once, and one of them ends before long.
    if (!makeRoom()) return { outcome: 'busy', freeInMs: 1_000 };
    entries.set(id, { token, untilMs: now() + leaseMs });
    return { outcome: 'claimed' };
  }

  return {
    get forgotten() {
      return forgotten;
    },
    claim: async (id, token, leaseMs) => claim(id, token, leaseMs),
    async commit(id, _token, keepMs) {
      entries.delete(id);
      if (makeRoom()) entries.set(id, { token: undefined, untilMs: now() + keepMs });
    },
    async release(id, token) {
      if (entries.get(id)?.token === token) entries.delete(id);
    },
  };
}
