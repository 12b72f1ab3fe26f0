import { setTimeout as after } from 'node:timers/promises';
import type { Arrival } from './receiver.ts';

/** Between two publishes that were refused or not answered. */
const AGAIN_MS = 20;
const TYPE = 'project.created';

/**
 * Publishes numbered events one after the other, each at another node and with a key of its own until
 * it is accepted, and looks at whether they arrive in that order. One that arrives again may do so only
 * before the next has arrived: that is sent when the one before has been written down.
 */
export class OrderSeen {
  url = '';
  accepted = 0;
  /** Arrivals of what had arrived before. */
  repeats = 0;
  readonly faults: string[] = [];
  readonly #key: string;
  #newest = 0;
  #isStopped = false;

  constructor(key: string) {
    this.#key = key;
  }

  get missing(): number {
    return this.accepted - this.#newest;
  }

  record({ body }: Arrival): number {
    const { number } = JSON.parse(body).data;
    if (number === this.#newest) this.repeats += 1;
    else if (number !== this.#newest + 1) this.faults.push(`${number} after ${this.#newest}`);
    this.#newest = Math.max(this.#newest, number);
    return 204;
  }

  /** `urls` are the nodes of that moment. */
  async publishAt(urls: () => readonly string[]): Promise<void> {
    for (let turn = 0; !this.#isStopped; turn++) {
      const nodes = urls();
      const url = nodes[turn % nodes.length] ?? '';
      if (await this.#publish(url)) this.accepted += 1;
      else await after(AGAIN_MS);
    }
  }

  /** After the one that is being published. */
  async stop(publishing: Promise<void>): Promise<void> {
    this.#isStopped = true;
    await publishing;
  }

  /** The key makes a second publish of one that was not answered the same event. */
  async #publish(url: string): Promise<boolean> {
    const number = this.accepted + 1;
    try {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${this.#key}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': `ordered-${number}`,
        },
        body: JSON.stringify({ type: TYPE, data: { number } }),
        signal: AbortSignal.timeout(2_000),
      });
      await response.arrayBuffer();
      return response.status === 202;
    } catch {
      return false;
    }
  }
}
