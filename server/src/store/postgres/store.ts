import type { NewId } from '../../core/ids.ts';
import type { HandOver, Ownership, Store } from '../../core/ports.ts';
import { type StoreCall, storeOver } from '../calls.ts';
import { accountOperations } from './accounts.ts';
import { cancelOperations } from './cancel.ts';
import { openDatabase } from './database.ts';
import { deliveryOperations } from './deliveries.ts';
import { dueOperations } from './due.ts';
import { eventTypeOperations } from './event-types.ts';
import { eventOperations } from './events.ts';
import { DatabaseFault, told } from './faults.ts';
import type { Belief } from './fence.ts';
import { createFloors, type Floors, noFloors } from './floors.ts';
import { laneOperations } from './lanes.ts';
import { type Listening, openNotices } from './notices.ts';
import { onceOperations } from './once.ts';
import { createOwnership } from './ownership.ts';
import { publishOperations } from './publish.ts';
import { recoveryOperations } from './recoveries.ts';
import { redeliverOperations } from './redeliver.ts';
import { sendTimesOperations } from './send-times.ts';
import { settleOperations } from './settle.ts';
import { statsOperations } from './stats.ts';
import { createTransactions, type Transactions } from './transaction.ts';
import { webhookOperations } from './webhooks.ts';

export interface PostgresStorePorts {
  newId: NewId;
  /** The shards that this node owns; whoever takes and releases them keeps it. */
  owned: Belief;
  /** What is told when another node says that it has left something; null: nobody listens. */
  listen: Listening | null;
  /** Told after each commit what it made pending in shards that this node owns. */
  handOver: HandOver;
}

export interface PostgresStore {
  call(call: StoreCall): Promise<unknown>;
  store: Store;
  ownership: Ownership;
  close(): Promise<void>;
}

/** Connects to a database whose schema is up to date. */
export async function openPostgresStore(
  url: string,
  { newId, owned, listen, handOver }: PostgresStorePorts,
): Promise<PostgresStore> {
  const database = await openDatabase(url);
  const notices = openNotices(database.others, listen);
  const floors = database.isDistributed ? noFloors() : createFloors();
  const transactions = createTransactions(database, {
    handOver(deliveries) {
      floors.seen(deliveries);
      handOver(deliveries);
    },
    leftWakes: notices.tell,
  });
  const operations = createOperations({ transactions, floors, belief: owned, newId });

  async function call({ operation, args }: StoreCall): Promise<unknown> {
    // The caller's side is typed by the port; between the threads it is a name and its arguments.
    const run = operations[operation] as (...args: readonly unknown[]) => Promise<unknown>;
    return await telling(() => run(...args));
  }

  return {
    call,
    store: storeOver(call, close),
    ownership: toldOwnership(createOwnership(transactions)),
    close,
  };

  async function close(): Promise<void> {
    await notices.close();
    await database.close();
  }
}

/** Callers hear of faults in the words of the port. */
async function telling<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DatabaseFault ? told(error) : error;
  }
}

function toldOwnership(ownership: Ownership): Ownership {
  return {
    renew: (node) => telling(() => ownership.renew(node)),
    take: (nodeId, limit) => telling(() => ownership.take(nodeId, limit)),
    release: (nodeId, shards, how) => telling(() => ownership.release(nodeId, shards, how)),
    leave: (nodeId) => telling(() => ownership.leave(nodeId)),
    wakes: (shards, limit) => telling(() => ownership.wakes(shards, limit)),
    forgetWakes: (wakes, shards) => telling(() => ownership.forgetWakes(wakes, shards)),
    isChangeKnown: (webhook) => telling(() => ownership.isChangeKnown(webhook)),
  };
}

interface OperationPorts {
  transactions: Transactions;
  floors: Floors;
  belief: Belief;
  newId: NewId;
}

function createOperations({
  transactions,
  floors,
  belief,
  newId,
}: OperationPorts): Omit<Store, 'close'> {
  return {
    ...accountOperations(transactions),
    ...eventTypeOperations(transactions),
    ...webhookOperations(transactions, belief),
    ...publishOperations({ transactions, belief, newId }),
    ...eventOperations(transactions),
    ...redeliverOperations(transactions, belief),
    ...onceOperations(transactions),
    ...statsOperations(transactions),
    ...deliveryOperations(transactions),
    ...dueOperations(transactions, floors),
    ...cancelOperations(transactions, belief),
    ...recoveryOperations({ transactions, belief, newId }),
    ...laneOperations(transactions, belief),
    ...sendTimesOperations(transactions),
    ...settleOperations(transactions),
  };
}
