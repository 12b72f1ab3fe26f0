import type { NewId } from '../../../src/core/ids.ts';
import type { Delivery } from '../../../src/core/model.ts';
import type {
  DueDelivery,
  LaneRef,
  OnceResult,
  OwnedShard,
  Settlement,
  SettleResult,
  Store,
  WebhookRef,
  WokenWebhook,
} from '../../../src/core/ports.ts';
import { shardOf } from '../../../src/core/shards.ts';
import type { StoreCall } from '../../../src/store/calls.ts';
import type { CallResult } from '../../../src/store/sqlite/executor.ts';
import { type OpenStore, openStore } from '../../../src/store/sqlite/local-store.ts';
import { OwnershipTable } from '../../engine/support/ownership-table.ts';
import { type Life, newLife } from '../lives.ts';
import type { MachineClock } from '../machine-clock.ts';
import type { Args, Model } from '../model.ts';
import type { Database, Executed, SentCall, Witness } from '../simulated-store.ts';
import type { Trace } from '../trace.ts';

/** A process as the database knows it. */
export interface Client {
  id: string;
  /** What its writes go by: under which epoch it believes to own which shards. */
  belief: ReadonlyMap<number, number>;
}

export interface DatabaseParts {
  /** The database's own clock, which leases are measured by. */
  now: (asker: string) => number;
  /** Of the machine on which that node runs, and the simulation's own time. */
  clockOf: (nodeId: string) => MachineClock;
  time: () => number;
  newId: NewId;
  trace: Trace;
  model: Model;
  witness: Witness;
}

/**
 * One database for several nodes: the real SQL store, and around each of its transactions what a store for
 * several nodes does in it. It compares the epochs of what is settled and of what is learned of receivers;
 * it compares what a node believes to own with the rows, hands over what is that node's, and leaves a wake
 * for the owner of the rest.
 *
 * For the model, what one owner of a shard does from its taking to its end is a life of its own, as a
 * process is where there is one node: after it, what it left open may be sent again, unless it was drained.
 */
export class NodesDatabase {
  readonly table: OwnershipTable;
  /** Somebody has left something for this node. */
  leftFor: (nodeId: string) => void = () => {};
  takeOvers = 0;
  moves = 0;
  fenced = 0;
  readonly #parts: DatabaseParts;
  readonly #store: OpenStore;
  readonly #lives = new Map<string, Life>();
  #made: DueDelivery[] = [];

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
    const handOver = (deliveries: DueDelivery[]) => void this.#made.push(...deliveries);
    this.#store = openStore(':memory:', { newId: parts.newId, handOver });
    this.table = new OwnershipTable(parts.now, {
      taken: ({ shard, epoch, drained }, nodeId) => {
        parts.trace.say(`${nodeId} takes ${shard} under ${epoch}, drained ${drained}`);
        if (drained) this.moves += 1;
        else this.takeOvers += 1;
        this.#taken({ shard, epoch }, nodeId);
      },
      released: (one, drained) => {
        parts.trace.say(`${one.shard} is released under ${one.epoch}, drained ${drained}`);
        const life = this.lifeOf(one);
        Object.assign(life, { isOver: true, wasDrained: drained });
      },
    });
  }

  /** The database as one process sees it. */
  for(client: Client): Database {
    return {
      writes: (call) => this.#store.executor.writes(call),
      belief: () => new Map(client.belief),
      run: (calls) => this.#run(calls, client),
      look: (call) => this.look(call),
      close: () => {},
    };
  }

  look(call: StoreCall): CallResult | undefined {
    return this.#store.executor.run([call])[0];
  }

  close(): void {
    this.#store.close();
  }

  lifeOf({ shard, epoch }: OwnedShard): Life {
    const life = this.#lives.get(`${shard} ${epoch}`);
    if (life === undefined) throw new Error(`nobody ever had ${shard} under ${epoch}`);
    return life;
  }

  /** The process has fallen: nothing follows any more from what it had in progress. */
  fallen({ id }: Client): void {
    for (const row of this.table.rowsOf(id)) this.lifeOf(row).isOver = true;
  }

  #taken({ shard, epoch }: OwnedShard, nodeId: string): void {
    const before = this.#lives.get(`${shard} ${epoch - 1}`);
    if (before !== undefined) before.isOver = true;
    const of = { clock: this.#parts.clockOf(nodeId), beganAt: this.#parts.time() };
    this.#lives.set(`${shard} ${epoch}`, newLife(epoch, of));
    // The new owner goes by what is stored, and the one before starts nothing any more.
    for (const webhook of this.#parts.model.webhooks.values()) {
      if (shardOf(webhook.ref.webhookId) !== shard) continue;
      webhook.acknowledged = webhook.versions.length - 1;
    }
  }

  #run(calls: readonly SentCall[], client: Client): Executed {
    const results = new Map<SentCall, CallResult>();
    const handedOver: DueDelivery[] = [];
    const { writes } = this.#store.executor;
    for (const isWrite of [true, false]) {
      for (const sent of calls) {
        if (writes(sent.call) !== isWrite) continue;
        const { result, mine } = this.#transaction(sent, client);
        results.set(sent, result);
        handedOver.push(...mine);
      }
    }
    return { results: calls.flatMap((sent) => results.get(sent) ?? []), handedOver };
  }

  #transaction(sent: SentCall, client: Client): { result: CallResult; mine: DueDelivery[] } {
    const { call, life } = sent;
    if (call.operation === 'settle') return { result: this.#settle(call), mine: [] };
    const fenced = this.#fencedResult(call);
    if (fenced !== null) return { result: fenced, mine: [] };
    const result = this.#execute(call);
    const made = this.#made;
    this.#made = [];
    if (this.#isToTheModel(call, client)) {
      this.#parts.witness.executed(call, result, made, life);
    }
    const changed = result.ok ? changedBy(call, result.value) : null;
    if (changed !== null && this.#epochFor(changed, sent) === null) {
      this.#leave('changed', shardOf(changed.webhookId), [changed]);
    }
    return { result, mine: this.#shared(made, sent) };
  }

  #execute(call: StoreCall): CallResult {
    const [result] = this.#store.executor.run([call]);
    if (result === undefined) throw new Error('every call has a result');
    return result;
  }

  /**
   * Under which epoch the caller owns that webhook, as far as it knows and the row says so too. That it was
   * released meanwhile does not show: then nobody owns it, and whoever takes it reads what is pending.
   */
  #epochFor({ webhookId }: WebhookRef, { belief }: SentCall): number | null {
    const shard = shardOf(webhookId);
    const epoch = (belief as ReadonlyMap<number, number>).get(shard);
    return epoch !== undefined && this.table.isEpoch({ shard, epoch }) ? epoch : null;
  }

  /** What the client owns is handed over to it; for the rest there is one wake for each shard. */
  #shared(made: readonly DueDelivery[], sent: SentCall): DueDelivery[] {
    const mine: DueDelivery[] = [];
    const others = new Map<number, Map<string, WokenWebhook>>();
    for (const delivery of made) {
      const epoch = this.#epochFor(delivery, sent);
      if (epoch !== null) {
        mine.push({ ...delivery, epoch });
        continue;
      }
      const { accountId, webhookId } = delivery;
      const shard = shardOf(webhookId);
      const webhooks = others.get(shard) ?? new Map<string, WokenWebhook>();
      const count = 1 + (webhooks.get(webhookId)?.count ?? 0);
      others.set(shard, webhooks.set(webhookId, { accountId, webhookId, count }));
    }
    for (const [shard, webhooks] of others) this.#leave('pending', shard, [...webhooks.values()]);
    return mine;
  }

  #leave(kind: 'pending' | 'changed', shard: number, webhooks: readonly WebhookRef[]): void {
    this.#parts.trace.say(`a wake is left for ${shard}: ${kind}`);
    const owner = this.table.addWake(shard, kind, webhooks);
    if (owner !== null) this.leftFor(owner);
  }

  /** Row by row: what was begun under another epoch is not written. */
  #settle(call: StoreCall): CallResult {
    const [settlements] = call.args as Args<'settle'>;
    const lives = settlements.map((one) => this.#standing(one));
    const standing = settlements.filter((_, index) => lives[index] !== null);
    const done = this.#execute({ operation: 'settle', args: [standing] });
    if (!done.ok) return done;
    const written = [...(done.value as SettleResult[])];
    const value = settlements.map((settlement, index): SettleResult => {
      const life = lives[index] ?? null;
      const result = life === null ? 'fenced' : (written.shift() ?? 'ended');
      if (life === null) {
        this.fenced += 1;
        this.#parts.trace.say(`${settlement.deliveryId} is fenced`);
        return result;
      }
      const one = { operation: 'settle', args: [[settlement]] } as const;
      this.#parts.witness.executed(one, { ok: true, value: [result] }, [], life);
      return result;
    });
    return { ok: true, value };
  }

  /** In whose life it was sent, when that one's epoch still counts. */
  #standing({ webhookId, epoch }: Settlement): Life | null {
    const of = { shard: shardOf(webhookId), epoch };
    return this.table.isEpoch(of) ? this.lifeOf(of) : null;
  }

  /** What comes of a call in the name of an epoch that is over; null when it is executed. */
  #fencedResult({ operation, args }: StoreCall): CallResult | null {
    if (!(operation in FENCED)) return null;
    const { webhookId, epoch } = args[0] as LaneRef;
    if (epoch === undefined || this.table.isEpoch({ shard: shardOf(webhookId), epoch }))
      return null;
    this.#parts.trace.say(`${operation} of ${webhookId} is fenced`);
    return { ok: true, value: FENCED[operation as keyof typeof FENCED] };
  }

  /** What others than the owner read, or learn too late, is not what the owner goes by. */
  #isToTheModel({ operation, args }: StoreCall, { id }: Client): boolean {
    if (operation !== 'target' && operation !== 'preferNewSecret') return true;
    const { webhookId } = args[0] as WebhookRef;
    return this.table.row(shardOf(webhookId)).owner === id;
  }
}

const FENCED = {
  holdWebhook: undefined,
  rememberLane: undefined,
  disableWebhook: 'unchanged',
  cancelPending: 0,
} satisfies { [Name in keyof Store]?: Awaited<ReturnType<Store[Name]>> | undefined };

/** The webhook that its owner has to look at again; null when there is nothing to be seen. */
function changedBy({ operation, args }: StoreCall, value: unknown): WebhookRef | null {
  switch (operation) {
    case 'updateWebhook':
    case 'deleteWebhook': {
      const [accountId, webhookId] = args as Args<'deleteWebhook'>;
      return value === null || value === 'missing' ? null : { accountId, webhookId };
    }
    case 'rotateSecret':
    case 'createRecovery': {
      const { accountId, webhookId } = args[0] as WebhookRef;
      const isDone = ['rotated', 'created'].includes(String(resultOf(value)));
      return isDone ? { accountId, webhookId } : null;
    }
    case 'cancelDelivery': {
      const cancelled = resultOf(value) as Delivery | string | null;
      if (cancelled === null || typeof cancelled === 'string') return null;
      const { accountId, webhookId } = cancelled;
      return { accountId, webhookId };
    }
    case 'holdWebhook': {
      const [{ accountId, webhookId }, until] = args as Args<'holdWebhook'>;
      return until === null ? { accountId, webhookId } : null;
    }
    default:
      return null;
  }
}

function resultOf(value: unknown): unknown {
  const once = value as OnceResult<unknown>;
  return 'result' in once ? once.result : null;
}
