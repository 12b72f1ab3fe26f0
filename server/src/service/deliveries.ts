import { PosthornError } from '../core/errors.ts';
import type { Attempt, Delivery } from '../core/model.ts';
import type { Page, PageRequest } from '../core/ports.ts';
import type { ServicePorts } from './ports.ts';
import type { Webhooks } from './webhooks.ts';

export class Deliveries {
  readonly #ports: ServicePorts;
  readonly #webhooks: Webhooks;

  constructor(ports: ServicePorts, webhooks: Webhooks) {
    this.#ports = ports;
    this.#webhooks = webhooks;
  }

  /** The delivery with all its attempts, oldest first. */
  async get(
    accountId: string,
    id: string,
  ): Promise<{ delivery: Delivery; attempts: readonly Attempt[] }> {
    const found = await this.#ports.store.getDelivery(accountId, id);
    if (found === null) throw new PosthornError('not_found', 'There is no such delivery.');
    return found;
  }

  async listOfWebhook(
    accountId: string,
    webhookId: string,
    page: PageRequest,
  ): Promise<Page<Delivery>> {
    await this.#webhooks.get(accountId, webhookId);
    return this.#ports.store.listDeliveries(accountId, webhookId, page);
  }
}
