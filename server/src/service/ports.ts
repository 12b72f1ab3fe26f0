import type { NewId } from '../core/ids.ts';
import type { Clock, Control, DataSchemas, Random, Store, Vault } from '../core/ports.ts';
import type { UrlRule } from '../core/webhook-url.ts';

/** What the use cases need; the API and an embedding application call them alike. */
export interface ServicePorts {
  store: Store;
  control: Control;
  clock: Clock;
  random: Random;
  vault: Vault;
  dataSchemas: DataSchemas;
  newId: NewId;
  urlRule: UrlRule;
  limits: ServiceLimits;
}

export interface ServiceLimits {
  /** Bytes of the body of a delivered event. */
  eventBytesMax: number;
  webhooksPerAccountMax: number;
  /** How long the answer to a call with an idempotency key is kept. */
  idempotencyKeepMs: number;
}
