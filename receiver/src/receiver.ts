import { type Answer, answer, refusal } from './answer.ts';
import { WebhookVerificationError } from './errors.ts';
import type { WebhookEvent } from './event.ts';
import {
  type EventPattern,
  type EventType,
  type MatchingEvent,
  matchesPattern,
} from './event-patterns.ts';
import { verificationKeys } from './keys.ts';
import type {
  AnyEvents,
  ErrorListener,
  Failure,
  Handler,
  IncomingRequest,
  ReceiverOptions,
  RequestContext,
  RequestReceiver,
} from './receiver-options.ts';
import { conform, EventSchemaError } from './standard-schema.ts';
import { memoryStore } from './stores/memory.ts';
import type { EventStore } from './stores/store.ts';
import { verify } from './verify.ts';

/**
 * Verifies, tells repetitions, and calls the handlers of each event. `Events` maps event types to
 * the type of their data.
 *
 * @throws WebhookVerificationError at once when a secret is missing or malformed.
 */
export function createReceiver<Events extends object = AnyEvents>(
  options: ReceiverOptions<Events>,
): Receiver<Events> {
  if (typeof options.secrets !== 'function') verificationKeys(options.secrets);
  return new Receiver(options);
}

interface Registered {
  readonly pattern: string;
  /** Which events it takes is known where it is registered; here it may be any. */
  readonly handle: Handler<never>;
}

/** One event on its way through the handlers. */
interface Work {
  readonly event: WebhookEvent;
  readonly token: string;
  acknowledged: boolean;
}

/**
 * ```
 *  verify ─▶ claim ─▶ schema ─▶ handlers ─▶ commit ─▶ 200
 *    │         │         │          │ ├ slower than ackAfterMs ─▶ 202, and they go on
 *    │         │         │          └ one throws ─▶ release, 500
 *    │         │         └ data does not fit ─▶ release, 422
 *    │         ├ done ─▶ 200   ├ in progress ─▶ 409   └ the store fails ─▶ 503
 *    └ refused ─▶ 400, 401, 500
 * ```
 */
export class Receiver<Events extends object> implements RequestReceiver {
  readonly #options: ReceiverOptions<Events>;
  readonly #store: EventStore | null;
  readonly #handlers: Registered[] = [];
  readonly #working = new Set<Promise<Answer>>();
  #unhandled: Handler<never> | undefined;
  #errorListener: ErrorListener = logFailure;

  constructor(options: ReceiverOptions<Events>) {
    this.#options = options;
    this.#store = options.store === undefined ? memoryStore() : options.store;
  }

  /**
   * Calls the handler for every event that fits: `user.created`, `user.*` or `*`. Of several that
   * fit, one after the other is called, in the order of registration; when one throws, the event
   * counts as not handled and all are called again at the next attempt.
   */
  on<Pattern extends EventPattern<Events>>(
    pattern: Pattern,
    handler: Handler<MatchingEvent<Events, Pattern>>,
  ): this {
    this.#handlers.push({ pattern, handle: handler });
    return this;
  }

  /** Called for events that no pattern fits; without it they are answered 200 and let go. */
  onUnhandled(handler: Handler<WebhookEvent>): this {
    this.#unhandled = handler;
    return this;
  }

  /** Told of refused requests and of what failed, also behind a 202; `console.error` unless set. */
  onError(listener: ErrorListener): this {
    this.#errorListener = listener;
    return this;
  }

  /**
   * Resolves to what to answer.
   *
   * @throws WebhookVerificationError `body_already_parsed`, which the program has to mend.
   */
  async receive(request: IncomingRequest, context: RequestContext = {}): Promise<Answer> {
    const { secrets, tolerance, legacy, now } = this.#options;
    try {
      const given = typeof secrets === 'function' ? await secrets() : secrets;
      const { event } = await verify({
        ...request,
        secrets: given,
        tolerance,
        legacy,
        now: now?.(),
      });
      return await this.#accept(event, context);
    } catch (error) {
      const isRefused = error instanceof WebhookVerificationError;
      if (isRefused && error.code === 'body_already_parsed') throw error;
      await this.#report(error, { during: 'verify' });
      return isRefused ? refusal(error) : answer(500, 'error');
    }
  }

  /** Resolves when no handler is at work: wait for it before the process ends. */
  async idle(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  async #accept(event: WebhookEvent, context: RequestContext): Promise<Answer> {
    const handlers = this.#handlersOf(event.type);
    if (handlers.length === 0) return answer(200, 'OK, not handled');
    if (this.#working.size >= (this.#options.inProgressMax ?? 1_000)) {
      return answer(503, 'too many events', 1_000);
    }
    const work: Work = { event, token: crypto.randomUUID(), acknowledged: false };
    const claimed = this.#claim(work);
    const ended = claimed.then((taken) => taken ?? this.#handleClaimed(work, handlers));
    this.#working.add(ended);
    void ended.finally(() => this.#working.delete(ended));
    // Only behind a claim may a 202 be answered: the event could be somebody else's, who fails.
    return (await claimed) ?? (await this.#answerInTime(work, ended, context));
  }

  #handlersOf(type: string): Handler<never>[] {
    const fitting = this.#handlers.filter(({ pattern }) => matchesPattern(pattern, type));
    if (fitting.length > 0) return fitting.map(({ handle }) => handle);
    return this.#unhandled === undefined ? [] : [this.#unhandled];
  }

  async #answerInTime(
    work: Work,
    ended: Promise<Answer>,
    { waitUntil, canGoOn }: RequestContext,
  ): Promise<Answer> {
    const { ackAfterMs } = this.#options;
    if (ackAfterMs === undefined || canGoOn === false) return await ended;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Answer>((resolve) => {
      timer = setTimeout(() => {
        work.acknowledged = true;
        waitUntil?.(ended);
        resolve(answer(202, 'accepted'));
      }, ackAfterMs);
    });
    return await Promise.race([ended, late]).finally(() => clearTimeout(timer));
  }

  /** Never rejects: after a 202 nobody would hear of it. */
  async #handleClaimed(work: Work, handlers: readonly Handler<never>[]): Promise<Answer> {
    try {
      await this.#handle(work.event, handlers);
    } catch (error) {
      await this.#release(work);
      const isSchema = error instanceof EventSchemaError;
      await this.#report(error, { during: isSchema ? 'schema' : 'handler' }, work);
      return isSchema ? answer(422, error.message) : answer(500, 'the handler failed');
    }
    await this.#commit(work);
    return answer(200, 'OK');
  }

  async #handle(event: WebhookEvent, handlers: readonly Handler<never>[]): Promise<void> {
    const { schemas } = this.#options;
    const schema = Object.hasOwn(schemas ?? {}, event.type)
      ? schemas?.[event.type as EventType<Events>]
      : undefined;
    const data = await conform(schema, event.type, event.data);
    for (const handle of handlers) await handle({ ...event, data } as never);
  }

  /** What to answer instead of handling the event; undefined when it is ours to handle. */
  async #claim(work: Work): Promise<Answer | undefined> {
    try {
      const claim = await this.#store?.claim(
        work.event.id,
        work.token,
        this.#options.leaseMs ?? 5 * 60_000,
      );
      if (claim?.outcome === 'done') return answer(200, 'OK, already handled');
      if (claim?.outcome === 'busy') return answer(409, 'in progress', claim.freeInMs);
      return undefined;
    } catch (error) {
      await this.#report(error, { during: 'claim' }, work);
      return answer(503, 'the store failed', 10_000);
    }
  }

  /** When it cannot be written the event was handled all the same: asking for another try would repeat it. */
  async #commit(work: Work): Promise<void> {
    try {
      const keepMs = this.#options.rememberMs ?? 7 * 24 * 3_600_000;
      await this.#store?.commit(work.event.id, work.token, keepMs);
    } catch (error) {
      await this.#report(error, { during: 'commit' }, work);
    }
  }

  /** When it cannot be written the claim ends by itself, and the sender's next attempt is handled. */
  async #release(work: Work): Promise<void> {
    try {
      await this.#store?.release(work.event.id, work.token);
    } catch (error) {
      await this.#report(error, { during: 'release' }, work);
    }
  }

  /** A listener that fails must not hide the failure it was told of. */
  async #report(error: unknown, { during }: Pick<Failure, 'during'>, work?: Work): Promise<void> {
    const failure = { during, event: work?.event, acknowledged: work?.acknowledged ?? false };
    try {
      await this.#errorListener(error, failure);
    } catch (listenerError) {
      logFailure(error, failure);
      console.error('The onError listener failed:', listenerError);
    }
  }
}

function logFailure(error: unknown, { during, event, acknowledged }: Failure): void {
  const which = event === undefined ? '' : ` of ${event.type} ${event.id}`;
  const fate = acknowledged ? ', acknowledged' : '';
  const hint = error instanceof WebhookVerificationError ? [error.hint] : [];
  console.error(`Webhook failed during ${during}${which}${fate}:`, error, ...hint);
}
