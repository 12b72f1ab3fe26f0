import type { Attempt, DeliveryStatus, DisabledReason, Trigger } from './model.ts';
import type { Announcement } from './ports.ts';

/** What is announced, and by whom. Log, metrics and tests listen; nobody else knows that they do. */
export interface Announcements {
  /** The engine: an attempt has ended and its settlement has committed. */
  attempt: Announcement<AttemptEnded>;
  /** The engine: what came of some attempts was written, in one call to the store. */
  settled: Announcement<Settled>;
  /** The engine: the store could not be written; sending waits until it can. */
  settleFailed: Announcement<{ waiting: number; error: unknown }>;
  /** The store: a transaction has ended, well or not. */
  transaction: Announcement<TransactionEnded>;
  /** The engine: it has disabled a webhook, and cancels what is pending. */
  webhookDisabled: Announcement<{ accountId: string; webhookId: string; reason: DisabledReason }>;
  /** The engine: the head of a strict lane has finally failed; the delivery behind it is next. */
  headFailed: Announcement<{ accountId: string; webhookId: string; deliveryId: string }>;
  /** The engine: the sweep found something due that its lane had not heard of: a defect, mended. */
  unheard: Announcement<{ accountId: string; webhookId: string; dueAt: number }>;
  /** The engine: an exchange ended after its shard had got another owner: its outcome was not written. */
  fenced: Announcement<{
    accountId: string;
    webhookId: string;
    deliveryId: string;
    number: number;
  }>;
  /** Something happened that must not: a defect of ours, survived. */
  bug: Announcement<{ where: string; error: unknown }>;
  /** The HTTP server: a request was answered. */
  request: Announcement<RequestAnswered>;
}

/** The names of Node's diagnostics channels, for whoever listens in the same thread. */
export const ANNOUNCEMENT_NAMES = {
  attempt: 'posthorn:attempt',
  settled: 'posthorn:settled',
  settleFailed: 'posthorn:settle-failed',
  transaction: 'posthorn:transaction',
  webhookDisabled: 'posthorn:webhook-disabled',
  headFailed: 'posthorn:head-failed',
  unheard: 'posthorn:unheard',
  fenced: 'posthorn:fenced',
  bug: 'posthorn:bug',
  request: 'posthorn:request',
} as const satisfies Record<keyof Announcements, string>;

export interface AttemptEnded {
  accountId: string;
  webhookId: string;
  eventId: string;
  eventType: string;
  deliveryId: string;
  trigger: Trigger;
  /** From when it was due to when its exchange began; null for a test call, which is never due. */
  waitMs: number | null;
  attempt: Attempt;
  status: DeliveryStatus;
}

export interface Settled {
  attempts: number;
  /** From the call of the store to its answer. */
  durationMs: number;
}

/**
 * `committed`: it is on the disk. `rolled_back`: one of its calls failed, and the others are tried
 * again without it. `locked`: another program held the file, and all its calls are tried again.
 * `unavailable`: the store could not be written, and all its calls failed.
 */
export const TRANSACTION_OUTCOMES = ['committed', 'rolled_back', 'locked', 'unavailable'] as const;
export type TransactionOutcome = (typeof TRANSACTION_OUTCOMES)[number];

export interface TransactionEnded {
  outcome: TransactionOutcome;
  /** Calls that shared it. */
  calls: number;
  /** What it inserted: events that were published, and deliveries that are pending. */
  events: number;
  deliveries: number;
  /** All of it, from before `begin`: the wait for another program's lock is in it. */
  durationMs: number;
  /** Its `commit` alone, which is the sync of the disk; null when it did not come to that. */
  syncMs: number | null;
}

/** The route of a request that no route fits. */
export const NO_ROUTE = '(none)';

export interface RequestAnswered {
  requestId: string;
  method: string;
  /** The route's pattern, never the URL itself: it has no ids and no query in it. */
  route: string;
  status: number;
  durationMs: number;
  /** The problem's code, when it was refused. */
  code: string | null;
}
