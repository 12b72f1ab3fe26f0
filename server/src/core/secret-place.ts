import type { WebhookRef } from './ports.ts';

/** Where a webhook's secret stands, for the vault: it cannot be opened in another webhook's place. */
export function secretPlace({ accountId, webhookId }: WebhookRef): string {
  return `${accountId}/webhooks/${webhookId}/secret`;
}
