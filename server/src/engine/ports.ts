import type { Announcements } from '../core/announcements.ts';
import type { NewId } from '../core/ids.ts';
import type { OnGone } from '../core/model.ts';
import type { Clock, Lease, Random, Store, Transport, Vault } from '../core/ports.ts';

export interface EnginePorts {
  store: Store;
  transport: Transport;
  clock: Clock;
  random: Random;
  vault: Vault;
  newId: NewId;
  announcements: Announcements;
  /** Looked at before each exchange: without it nothing starts. */
  lease: Lease;
}

/** The installation's values; a webhook may have its own for some. */
export interface EngineSettings {
  /** Milliseconds before attempt 1, 2, …; its length is the number of attempts. */
  schedule: readonly number[];
  attemptTimeoutMs: number;
  userAgent: string;
  onGone: OnGone;
  /** Exchanges in progress at once, for one webhook and in all. */
  concurrencyMax: number;
  inFlightMax: number;
  /** A webhook is disabled after so long without one success; 0: never. */
  disableAfterMs: number;
  /** Pending deliveries that a webhook may have; beyond, it is disabled. */
  backlogMax: number;
}
