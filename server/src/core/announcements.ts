import type { Attempt, DeliveryStatus } from './model.ts';
import type { Announcement } from './ports.ts';

/** What is announced, and by whom. Log, metrics and tests listen; nobody else knows that they do. */
export interface Announcements {
  /** The engine: an attempt has ended and its settlement has committed. */
  attempt: Announcement<AttemptEnded>;
  /** The engine: the store could not be written; sending waits until it can. */
  settleFailed: Announcement<{ waiting: number; error: unknown }>;
  /** Something happened that must not: a defect of ours, survived. */
  bug: Announcement<{ where: string; error: unknown }>;
  /** The HTTP server: a request was answered. */
  request: Announcement<RequestAnswered>;
}

/** The names of Node's diagnostics channels, for whoever listens in the same thread. */
export const ANNOUNCEMENT_NAMES = {
  attempt: 'posthorn:attempt',
  settleFailed: 'posthorn:settle-failed',
  bug: 'posthorn:bug',
  request: 'posthorn:request',
} as const satisfies Record<keyof Announcements, string>;

export interface AttemptEnded {
  accountId: string;
  webhookId: string;
  eventId: string;
  eventType: string;
  deliveryId: string;
  attempt: Attempt;
  status: DeliveryStatus;
}

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
