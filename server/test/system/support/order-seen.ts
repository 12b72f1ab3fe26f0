import { KeyedPublisher } from './keyed-publisher.ts';
import type { Arrival } from './receiver.ts';

/**
 * Looks at whether what a publisher publishes arrives in that order. An event that arrives again may do
 * so only before the next has arrived: that is sent when the one before has been written down.
 */
export class OrderSeen {
  url = '';
  readonly publisher: KeyedPublisher;
  /** Arrivals of what had arrived before. */
  repeats = 0;
  readonly faults: string[] = [];
  #newest = 0;

  constructor(key: string, type = 'project.created') {
    this.publisher = new KeyedPublisher({ key, type });
  }

  get accepted(): number {
    return this.publisher.accepted;
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
}
