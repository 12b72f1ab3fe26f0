import type { Answer } from './answer.ts';
import type { WebhookEvent } from './event.ts';
import type { Secrets } from './keys.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { EventStore } from './stores/store.ts';
import type { VerifyOptions } from './verify.ts';

export interface ReceiverOptions<Events extends object> {
  /** As for `verify`; or a function that is asked at each request, so that no rotation needs a restart. */
  secrets: Secrets | (() => Secrets | Promise<Secrets>);
  /** In seconds, as for `verify`. */
  tolerance?: number;
  /** As for `verify`. */
  legacy?: boolean;
  now?: () => Date;
  /** By event type: data that does not fit is answered 422, and handlers get what the schema makes of it. */
  schemas?: { readonly [Type in keyof Events]?: StandardSchema<Events[Type]> };
  /** Where handled events are remembered: `memoryStore()` unless given, null for not at all. */
  store?: EventStore | null;
  /** Longer than any handler takes: after this a claim is over and a repetition is handled. 5 minutes. */
  leaseMs?: number;
  /** How long a handled event is remembered. 7 days. */
  rememberMs?: number;
  /**
   * Answers 202 when handlers take longer; they go on. The sender then takes the event for
   * delivered: what fails afterwards is told to `onError` alone.
   */
  ackAfterMs?: number;
  /** Events that are handled at once; more are answered 503. 1000. */
  inProgressMax?: number;
}

/** A request, as adapters hand it over. */
export type IncomingRequest = Pick<VerifyOptions, 'headers' | 'body'>;

export interface RequestContext {
  /** Keeps a runtime that stops after the answer alive until a slow handler has ended. */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /** False where nothing goes on after the answer: handlers are waited for, however slow. */
  canGoOn?: boolean | undefined;
}

/** What adapters need of a receiver. */
export interface RequestReceiver {
  receive(request: IncomingRequest, context?: RequestContext): Promise<Answer>;
}

/** What went wrong, and what the sender was told. */
export interface Failure {
  /** `verify` is a request that nobody has to believe; all others concern a genuine event. */
  readonly during: 'verify' | 'claim' | 'schema' | 'handler' | 'commit' | 'release';
  readonly event: WebhookEvent | undefined;
  /** True when the sender was answered 202 before: it will not send this event again. */
  readonly acknowledged: boolean;
}

export type Handler<Event> = (event: Event) => unknown;
export type ErrorListener = (error: unknown, failure: Failure) => unknown;

/** Events by name with the usual data where no map of them is given. */
export type AnyEvents = Record<string, WebhookEvent['data']>;
