import type { Store } from '../core/ports.ts';

/** The store's calls that are statements on the database; `close` belongs to whoever holds it. */
export type OperationName = Exclude<keyof Store, 'close'>;

export interface StoreCall {
  operation: OperationName;
  args: readonly unknown[];
}

/** Whether a call writes, and so takes part in a group commit. */
export const WRITES: Record<OperationName, boolean> = {
  createAccount: true,
  listEventTypes: false,
  getEventType: false,
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
  countPending: false,
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

/** The port over anything that takes a call and promises its result. */
export function storeOver(
  call: (call: StoreCall) => Promise<unknown>,
  close: () => Promise<void>,
): Store {
  const methods = OPERATION_NAMES.map((operation) => [
    operation,
    (...args: unknown[]) => call({ operation, args }),
  ]);
  return { ...Object.fromEntries(methods), close } as unknown as Store;
}
