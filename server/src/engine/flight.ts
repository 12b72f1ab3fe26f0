import type { Attempt, DisabledReason } from '../core/model.ts';
import type { SentExchange } from '../core/outcome.ts';
import type { DueDelivery } from '../core/ports.ts';
import type { Listed } from './linked-list.ts';
import type { ReceiverState } from './receiver-state.ts';
import type { SecretName, Sender } from './sender.ts';
import type { Place } from './turns.ts';

/** An attempt that has begun: what it was begun with, whatever the webhook has become since. */
export interface Flight extends Listed {
  delivery: DueDelivery;
  sender: Sender;
  receiver: ReceiverState;
  place: Place;
  progress: Progress;
  /** When its request, or the newer one of two, had arrived (monotonic); null: that is not known. */
  arrivedAt: number | null;
  attemptId: string;
  number: number;
  /** Unix milliseconds. */
  startedAt: number;
  secret: SecretName;
  /** Cancelled meanwhile: its outcome is kept, and it is not sent once more. */
  isCancelled: boolean;
  /** What its answer says about the webhook, which is disabled when the answer is written down. */
  disables: DisabledReason | null;
  /** The first try, once it was sent again with the other secret. */
  firstTry: FirstTry | null;
}

/** A flight among those whose exchange takes a place of its receiver. */
export interface Progress extends Listed {
  /** Monotonic. */
  began: number;
}

export interface FirstTry {
  attempt: Attempt;
  exchange: SentExchange;
  secret: SecretName;
  arrivedAt: number | null;
}
