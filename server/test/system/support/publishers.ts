import { Agent, request } from 'undici';

export interface PublishersOptions {
  key: string;
  /** How many publish at the same time, each on a connection that it keeps. */
  concurrency: number;
  /** Waits here before each publish, so that what is not delivered yet stays bounded. */
  room: () => Promise<void>;
  /** The number of the first event. */
  first?: number;
  /** The type of event `number`. */
  typeOf?: (number: number) => string;
  /** Told of what was accepted, which is then not kept here. */
  onAccepted?: (number: number) => void;
}

/** The store's connection may have broken after it had committed; the other refusals kept nothing. */
const UNDECIDED = '"code":"store_unavailable"';

/** Publishes numbered events, each number once, to a server that may vanish at any moment. */
export class Publishers {
  /** Number by event id, of everything that was answered 202, unless `onAccepted` is told. */
  readonly accepted = new Map<string, number>();
  /** Numbers whose publish got no answer: their events may exist or not. */
  readonly unanswered = new Set<number>();
  /** How often for which reason. */
  readonly failures = new Map<string, number>();
  /** Numbers refused with an answer that does not say whether anything was kept. */
  readonly undecided = new Set<number>();
  /** Answers other than 202: there should be none. */
  readonly refused: string[] = [];
  readonly #options: PublishersOptions;
  /** Null when publishing is over. */
  #server = Promise.withResolvers<{ url: string; agent: Agent } | null>();
  #loops: Promise<void>[] = [];
  #next: number;
  #isStopped = false;

  constructor(options: PublishersOptions) {
    this.#options = options;
    this.#next = options.first ?? 1;
  }

  /** A server is there (again); publishing goes on. */
  resume(url: string): void {
    const agent = new Agent({ connections: this.#options.concurrency, pipelining: 1 });
    this.#server.resolve({ url, agent });
    if (this.#loops.length > 0) return;
    this.#loops = Array.from({ length: this.#options.concurrency }, () => this.#loop());
  }

  /** The server has gone: nothing new is sent until `resume`. */
  hold(): void {
    this.#server = Promise.withResolvers();
  }

  /** No publish starts any more; fulfilled when the last one has its answer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#server.resolve(null);
    await Promise.all(this.#loops);
  }

  async #loop(): Promise<void> {
    while (!this.#isStopped) {
      await this.#options.room();
      const server = await this.#server.promise;
      if (server === null || this.#isStopped) return;
      const number = this.#next++;
      try {
        await this.#publish(number, server);
      } catch (error) {
        this.unanswered.add(number);
        const reason = reasonOf(error);
        this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
      }
    }
  }

  async #publish(number: number, server: { url: string; agent: Agent }): Promise<void> {
    const { url, agent } = server;
    const { typeOf = () => 'user.created', onAccepted } = this.#options;
    const { statusCode, body } = await request(`${url}/v1/events`, {
      dispatcher: agent,
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#options.key}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ type: typeOf(number), data: dataOf(number) }),
    });
    const text = await body.text();
    if (statusCode === 202 && onAccepted !== undefined) onAccepted(number);
    else if (statusCode === 202) this.accepted.set(JSON.parse(text).id, number);
    else this.#refuse(number, `${statusCode} ${text}`);
  }

  #refuse(number: number, answer: string): void {
    this.refused.push(answer);
    if (answer.includes(UNDECIDED)) this.undecided.add(number);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** What event `number` carries: long and short ones, and characters of one to four bytes. */
export function dataOf(number: number) {
  return { number, text: 'aé€😀'.repeat(number % 97) };
}
