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
import type { OperationName, Operations } from './operation-types.ts';
import { publishOperations } from './publish.ts';
import { recoveryOperations } from './recoveries.ts';
import { redeliverOperations } from './redeliver.ts';
import { sendTimesOperations } from './send-times.ts';
import { settleOperations } from './settle.ts';
import { statsOperations } from './stats.ts';
import { webhookOperations } from './webhooks.ts';

/** Whether a call writes, and so takes part in a group commit. */
export const WRITES: Record<OperationName, boolean> = {
  createAccount: true,
  listEventTypes: false,
  eventTypeNames: false,
  putEventType: true,
  deleteEventType: true,
  createWebhook: true,
  getWebhook: false,
  listWebhooks: false,
  updateWebhook: true,
  rotateSecret: true,
  deleteWebhook: true,
  subscriptions: false,
  publish: true,
  getEvent: false,
  listEvents: false,
  recordTest: true,
  getDelivery: false,
  listDeliveries: false,
  redeliver: true,
  deliveryStats: false,
  beginOnce: true,
  completeOnce: true,
  abandonOnce: true,
  forgetExpired: true,
  cancelDelivery: true,
  createRecovery: true,
  getRecovery: false,
  webhooksWithPending: false,
  target: false,
  due: false,
  settle: true,
  recoverStep: true,
  runningRecoveries: false,
  holdWebhook: true,
  preferNewSecret: true,
  disableWebhook: true,
  rememberLane: true,
  beginRun: true,
  endRun: true,
  sendTimes: false,
  cancelPending: true,
  vaultCheck: true,
  check: true,
};

export const OPERATION_NAMES = Object.keys(WRITES) as OperationName[];

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
