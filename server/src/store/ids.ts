import { ID_PREFIXES } from '../core/ids.ts';

/** An id as it is kept: without its prefix. */
export function bare(id: string): string {
  return id.slice(id.lastIndexOf('_') + 1);
}

export const accountId = (id: string) => ID_PREFIXES.account + id;
export const webhookId = (id: string) => ID_PREFIXES.webhook + id;
export const deliveryId = (id: string) => ID_PREFIXES.delivery + id;
export const attemptId = (id: string) => ID_PREFIXES.attempt + id;
export const recoveryId = (id: string) => ID_PREFIXES.recovery + id;

export function eventId(id: string, test: number): string {
  return (test === 1 ? ID_PREFIXES.testEvent : ID_PREFIXES.event) + id;
}

/** 1 for the event of a test call, 0 for any other, as the `test` columns have it. */
export function isTestEvent(id: string): 0 | 1 {
  return id.startsWith(ID_PREFIXES.testEvent) ? 1 : 0;
}
