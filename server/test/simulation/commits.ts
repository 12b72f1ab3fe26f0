import type { DueDelivery, OnceResult, RecoveryStep, Vault } from '../../src/core/ports.ts';
import type { StoreCall } from '../../src/store/calls.ts';
import type { CallResult } from '../../src/store/sqlite/executor.ts';
import { deliveryCommits } from './delivery-commits.ts';
import type { Life } from './lives.ts';
import type { Args, Model } from './model.ts';
import { createPending } from './pending.ts';
import { recoveryCommits } from './recovery-commits.ts';
import { settled } from './settlements.ts';
import type { Witness } from './simulated-store.ts';
import type { Trace } from './trace.ts';
import { webhookCommits } from './webhook-commits.ts';

/** What the model needs to know of the moment. */
export interface Moment {
  now(): number;
  monotonic(): number;
}

export interface CommitParts {
  clock: Moment;
  trace: Trace;
  vault: Vault;
  schedule: readonly number[];
  onGone: 'retry' | 'disable';
  backlogMax: number;
}

/** Keeps the model beside the store: each call that was executed, compared with what has to come of it. */
export function createWitness(model: Model, parts: CommitParts): Witness {
  const pending = createPending(model, parts);
  const webhooks = webhookCommits(model, parts, pending);
  const deliveries = deliveryCommits(model, parts, pending);
  const recoveries = recoveryCommits(model, parts, pending);

  return { executed };

  function executed(
    { operation, args }: StoreCall,
    result: CallResult,
    made: readonly DueDelivery[],
    life: Life,
  ): void {
    if (!result.ok) {
      parts.trace.check(
        result.trouble !== 'call',
        () => `${operation} fails: ${result.error.stack}`,
      );
      return;
    }
    const { value } = result;
    switch (operation) {
      case 'createWebhook':
        webhooks.created(args as Args<'createWebhook'>);
        break;
      case 'updateWebhook':
        if (value !== null) webhooks.updated(args as Args<'updateWebhook'>);
        break;
      case 'rotateSecret':
        webhooks.rotated(args as Args<'rotateSecret'>, value as OnceResult<'rotated' | 'missing'>);
        break;
      case 'deleteWebhook':
        if (value === 'deleted') webhooks.deleted(args as Args<'deleteWebhook'>);
        break;
      case 'disableWebhook':
        webhooks.disabled(args as Args<'disableWebhook'>, value as 'disabled' | 'unchanged');
        break;
      case 'publish':
        deliveries.published(
          args as Args<'publish'>,
          value as OnceResult<'accepted' | 'stale'>,
          made,
        );
        break;
      case 'redeliver':
        deliveries.redelivered(args as Args<'redeliver'>, made);
        break;
      case 'cancelDelivery':
        deliveries.cancelled(args as Args<'cancelDelivery'>, value as OnceResult<unknown>);
        break;
      case 'cancelPending':
        deliveries.pendingCancelled(args as Args<'cancelPending'>, value as number);
        break;
      case 'recordTest':
        deliveries.tested(args as Args<'recordTest'>);
        break;
      case 'createRecovery':
        recoveries.recoveryCreated(args as Args<'createRecovery'>, value as OnceResult<string>);
        break;
      case 'recoverStep':
        recoveries.recovered(args as Args<'recoverStep'>, value as RecoveryStep, made);
        break;
      case 'settle':
        settled(model, parts, args as Args<'settle'>, value, life);
        break;
      case 'holdWebhook':
        webhooks.held(args as Args<'holdWebhook'>);
        break;
      case 'target':
        webhooks.read(args as Args<'target'>);
        break;
      case 'preferNewSecret':
        webhooks.preferred(args as Args<'preferNewSecret'>);
        break;
    }
  }
}
