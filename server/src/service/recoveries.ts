import { invalid, PosthornError } from '../core/errors.ts';
import type { Recovery } from '../core/model.ts';
import { type Once, type Outcome, onceRecord, outcomeOf } from '../core/once.ts';
import { isAcknowledged } from './acknowledgement.ts';
import type { ServicePorts } from './ports.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** How far back a recovery reaches. */
export const RECOVERY_DAYS_MAX = 90;

/** Unix milliseconds. */
export interface RecoverySpan {
  since: number;
  /** Now when it is not given; a later moment counts as now. */
  until?: number | undefined;
}

export class Recoveries {
  readonly #ports: ServicePorts;

  constructor(ports: ServicePorts) {
    this.#ports = ports;
  }

  /** Brings back what a webhook missed; it has begun when this is fulfilled, and goes on by itself. */
  async create(
    accountId: string,
    webhookId: string,
    span: RecoverySpan,
    once?: Once<Recovery>,
  ): Promise<Outcome<Recovery>> {
    const { store, clock, control, newId, vault, limits } = this.#ports;
    const now = clock.now();
    const recovery: Recovery = {
      accountId,
      id: newId('recovery'),
      webhookId,
      ...checkedSpan(span, now),
      status: 'running',
      deliveryCount: 0,
      createdAt: now,
      endedAt: null,
    };
    const keep = { vault, keepMs: limits.idempotencyKeepMs };
    const record = onceRecord(once, recovery, { accountId, now }, keep);
    const said = await store.createRecovery({ ...recovery, once: record });
    const outcome = outcomeOf(said, once, accountId, vault);
    if ('replay' in outcome) return outcome;
    expectCreated(outcome.result);
    // It is stored: an owner that does not hear of it now finds it when it can.
    await isAcknowledged(clock, control.recoveryCreated({ accountId, webhookId }, recovery.id));
    return { result: recovery };
  }

  async get(accountId: string, id: string): Promise<Recovery> {
    const recovery = await this.#ports.store.getRecovery(accountId, id);
    if (recovery === null) throw new PosthornError('not_found', 'There is no such recovery.');
    return recovery;
  }
}

function checkedSpan({ since, until }: RecoverySpan, now: number) {
  const span = { since, until: Math.min(until ?? now, now) };
  if (since >= span.until) {
    throw invalid('/since', 'out_of_bounds', 'This must be before "until", and not in the future.');
  }
  if (since < now - RECOVERY_DAYS_MAX * DAY_MS) {
    const detail = `This must not be more than ${RECOVERY_DAYS_MAX} days ago.`;
    throw invalid('/since', 'out_of_bounds', detail);
  }
  return span;
}

function expectCreated(
  result: 'created' | 'webhook_missing' | 'webhook_disabled' | 'already_running',
): void {
  switch (result) {
    case 'created':
      return;
    case 'webhook_missing':
      throw new PosthornError('not_found', 'There is no such webhook.');
    case 'webhook_disabled':
      throw new PosthornError(
        'webhook_disabled',
        'The webhook is disabled: set its status to "active" first, then recover what it missed.',
      );
    case 'already_running':
      throw new PosthornError(
        'recovery_running',
        'A recovery of this webhook is running: wait until it is done.',
      );
  }
}
