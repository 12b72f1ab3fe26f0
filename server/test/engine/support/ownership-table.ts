import type {
  OwnedShard,
  Ownership,
  TakenShard,
  Wake,
  WebhookRef,
} from '../../../src/core/ports.ts';
import { SHARDS, shardOf } from '../../../src/core/shards.ts';

interface Row extends TakenShard {
  owner: string | null;
}

/** Told of what becomes of shards, at that very moment. */
export interface TableWatch {
  taken(shard: TakenShard, nodeId: string): void;
  released(shard: OwnedShard, drained: boolean): void;
}

type Answer<Name extends keyof Ownership> = Awaited<ReturnType<Ownership[Name]>>;

/**
 * What a database keeps of nodes, shards and wakes, in plain maps: each call is a transaction, and leases
 * are measured by the database's own clock, whoever asks.
 */
export class OwnershipTable {
  readonly #now: (asker: string) => number;
  readonly #watch: TableWatch;
  readonly #leases = new Map<string, number>();
  readonly #rows: Row[] = Array.from({ length: SHARDS }, (_, shard) => {
    return { shard, epoch: 0, drained: true, owner: null };
  });
  #wakes: Wake[] = [];
  #nextWake = 1;

  constructor(now: (asker: string) => number, watch: TableWatch) {
    this.#now = now;
    this.#watch = watch;
  }

  renew({ id, leaseMs }: { id: string; leaseMs: number }): Answer<'renew'> {
    this.#leases.set(id, this.#now(id) + leaseMs);
    return {
      owned: this.rowsOf(id),
      nodes: [...this.#leases.keys()].filter((one) => this.#hasLease(one, id)).length,
      free: this.#free(id).length,
    };
  }

  take(nodeId: string, limit: number): TakenShard[] {
    return this.#free(nodeId)
      .slice(0, limit)
      .map((row) => {
        const { shard, drained } = row;
        const epoch = row.epoch + 1;
        Object.assign(row, { epoch, owner: nodeId, drained: false });
        const taken = { shard, epoch, drained };
        this.#watch.taken(taken, nodeId);
        return taken;
      });
  }

  release(nodeId: string, shards: readonly OwnedShard[], { drained }: { drained: boolean }): void {
    for (const { shard, epoch } of shards) {
      const row = this.row(shard);
      if (row.owner !== nodeId || row.epoch !== epoch) continue;
      Object.assign(row, { owner: null, drained });
      this.#watch.released({ shard, epoch }, drained);
    }
  }

  leave(nodeId: string): void {
    this.release(nodeId, this.#rows, { drained: false });
    this.#leases.delete(nodeId);
  }

  wakes(shards: readonly OwnedShard[], limit: number): Wake[] {
    const wanted = new Set(shards.map(({ shard }) => shard));
    return this.#wakes.filter(({ shard }) => wanted.has(shard)).slice(0, limit);
  }

  forgetWakes(wakes: readonly Wake[], shards: readonly OwnedShard[]): void {
    const ours = new Set(shards.filter((one) => this.isEpoch(one)).map(({ shard }) => shard));
    const ids = new Set(wakes.filter(({ shard }) => ours.has(shard)).map(({ id }) => id));
    this.#wakes = this.#wakes.filter(({ id }) => !ids.has(id));
  }

  isChangeKnown({ webhookId }: WebhookRef): boolean {
    const waits = this.#wakes.some(
      ({ kind, webhooks }) =>
        kind === 'changed' && webhooks.some((one) => one.webhookId === webhookId),
    );
    const { owner } = this.row(shardOf(webhookId));
    return !waits || owner === null || !this.#hasLease(owner, owner);
  }

  // What transactions of the store do with it

  row(shard: number): Row {
    const row = this.#rows[shard];
    if (row === undefined) throw new Error(`there is no shard ${shard}`);
    return row;
  }

  rowsOf(nodeId: string): OwnedShard[] {
    return this.#rows.filter(({ owner }) => owner === nodeId).map(asOwned);
  }

  isEpoch({ shard, epoch }: OwnedShard): boolean {
    return this.row(shard).epoch === epoch;
  }

  /** Answers whose shard it is, to be told that there is something to read. */
  addWake(
    shard: number,
    kind: Wake['kind'],
    named: readonly (WebhookRef & { count?: number })[],
  ): string | null {
    const webhooks = named.map((one) => ({ count: 1, ...one }));
    this.#wakes.push({ id: this.#nextWake++, shard, kind, webhooks });
    return this.row(shard).owner;
  }

  get wakesLeft(): number {
    return this.#wakes.length;
  }

  #free(asker: string): Row[] {
    return this.#rows.filter(({ owner }) => owner === null || !this.#hasLease(owner, asker));
  }

  #hasLease(nodeId: string, asker: string): boolean {
    return (this.#leases.get(nodeId) ?? Number.NEGATIVE_INFINITY) > this.#now(asker);
  }
}

function asOwned({ shard, epoch }: Row): OwnedShard {
  return { shard, epoch };
}
