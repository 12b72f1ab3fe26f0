import type { DatabaseSync } from 'node:sqlite';
import type { NewId } from '../../core/ids.ts';
import type { DueDelivery } from '../../core/ports.ts';
import { accountOperations } from './accounts.ts';
import { cancelOperations } from './cancel.ts';
import { deliveryOperations } from './deliveries.ts';
import { dueOperations } from './due.ts';
import { eventTypeOperations } from './event-types.ts';
import { eventOperations } from './events.ts';
import { laneOperations } from './lanes.ts';
import { createOnce, onceOperations } from './once.ts';
import type { Operations } from './operation-types.ts';
import { publishOperations } from './publish.ts';
import { recoveryOperations } from './recoveries.ts';
import { redeliverOperations } from './redeliver.ts';
import { sendTimesOperations } from './send-times.ts';
import { settleOperations } from './settle.ts';
import { statsOperations } from './stats.ts';
import { webhookOperations } from './webhooks.ts';

export interface OperationPorts {
  newId: NewId;
  /**
   * Called inside the transaction with what a publish inserts: whoever runs it hands that over after
   * the commit.
   */
  madePending: (delivery: DueDelivery) => void;
  madeEvent: () => void;
}

/** Prepares every statement once. */
export function createOperations(
  db: DatabaseSync,
  { newId, madePending, madeEvent }: OperationPorts,
): Operations {
  const once = createOnce(db);
  return {
    ...accountOperations(db),
    ...eventTypeOperations(db),
    ...webhookOperations(db, once),
    ...publishOperations(db, { once, newId, madePending, madeEvent }),
    ...eventOperations(db),
    ...redeliverOperations(db, { once, madePending }),
    ...onceOperations(db, once),
    ...statsOperations(db),
    ...deliveryOperations(db),
    ...dueOperations(db),
    ...cancelOperations(db, once),
    ...recoveryOperations(db, { once, newId, madePending }),
    ...laneOperations(db),
    ...sendTimesOperations(db),
    ...settleOperations(db),
  };
}
