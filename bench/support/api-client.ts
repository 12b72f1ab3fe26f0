import { sampleData } from './sample-events.ts';

const AT_ONCE = 16;

export interface NewWebhook {
  url: string;
  events: readonly string[];
}

/** The calls of the documented API that the bench needs. */
export class ApiClient {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, apiKey: string) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  }

  /** In no order; answers their ids in the order given. */
  async createWebhooks(webhooks: readonly NewWebhook[]): Promise<string[]> {
    const made = await inGroups(webhooks, (webhook) => this.#call('POST', '/v1/webhooks', webhook));
    return made.map(({ id }) => String(id));
  }

  async pauseWebhook(id: string): Promise<void> {
    await this.#call('PATCH', `/v1/webhooks/${id}`, { status: 'paused' });
  }

  async addEventTypes(names: readonly string[]): Promise<void> {
    const description = 'Of the bench.';
    await inGroups(names, (name) => this.#call('PUT', `/v1/event-types/${name}`, { description }));
  }

  /** Events that no receiver looks into, one after another. */
  async publish(type: string, count: number): Promise<void> {
    for (const data of sampleData(1, count)) {
      await this.#call('POST', '/v1/events', { type, data });
    }
  }

  /** The attempts so far of the newest delivery of a webhook. */
  async attemptsOfNewest(webhookId: string): Promise<number> {
    const { data } = await this.#call('GET', `/v1/webhooks/${webhookId}/deliveries?limit=1`);
    const [newest] = data as { attempt_count: number }[];
    return newest?.attempt_count ?? 0;
  }

  async isReady(): Promise<boolean> {
    const answer = await fetch(`${this.#url}/readyz`);
    await answer.arrayBuffer();
    return answer.status === 200;
  }

  async #call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(this.#url + path, { method, headers: this.#headers, ...sent });
    if (answer.ok) return (await answer.json()) as Record<string, unknown>;
    throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`);
  }
}

async function inGroups<Item, Result>(
  items: readonly Item[],
  call: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(call))));
  }
  return results;
}
