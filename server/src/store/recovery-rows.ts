import type { Recovery } from '../core/model.ts';
import { accountId, recoveryId, webhookId } from './ids.ts';
import { integer, integerOrNull, type Row, text } from './rows.ts';

/** The columns that `recovery` reads. */
export const RECOVERY_COLUMNS = `account_id, id, webhook_id, since, until, status, delivery_count,
    created_at, ended_at`;

export function recovery(row: Row): Recovery {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: recoveryId(text(row, 'id')),
    webhookId: webhookId(text(row, 'webhook_id')),
    since: integer(row, 'since'),
    until: integer(row, 'until'),
    status: text(row, 'status') as Recovery['status'],
    deliveryCount: integer(row, 'delivery_count'),
    createdAt: integer(row, 'created_at'),
    endedAt: integerOrNull(row, 'ended_at'),
  };
}
