import { setTimeout as after } from 'node:timers/promises';

/** Between two publishes that were refused or not answered. */
const AGAIN_MS = 20;

export interface KeyedPublisherOptions {
  key: string;
  type: string;
  /** Waits here before each event. */
  room?: () => Promise<void>;
}

/**
 * Publishes numbered events one after the other, each at another node and with a key of its own until
 * it is accepted.
 */
export class KeyedPublisher {
  accepted = 0;
  readonly type: string;
  readonly #options: KeyedPublisherOptions;
  #isStopped = false;

  constructor(options: KeyedPublisherOptions) {
    this.type = options.type;
    this.#options = options;
  }

  /** `urls` are the nodes of that moment. */
  async publishAt(urls: () => readonly string[]): Promise<void> {
    for (let turn = 0; !this.#isStopped; turn++) {
      await this.#options.room?.();
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
    const { key, type } = this.#options;
    try {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${key}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': `${type}-${number}`,
        },
        body: JSON.stringify({ type, data: { number } }),
        signal: AbortSignal.timeout(2_000),
      });
      await response.arrayBuffer();
      return response.status === 202;
    } catch {
      return false;
    }
  }
}
