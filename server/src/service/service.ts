import { Catalogue } from './catalogue.ts';
import { Deliveries } from './deliveries.ts';
import { Events } from './events.ts';
import type { ServicePorts } from './ports.ts';
import { Recoveries } from './recoveries.ts';
import { Webhooks } from './webhooks.ts';

/** Everything that can be asked of Posthorn, by account; HTTP is one way to ask. */
export interface Service {
  webhooks: Webhooks;
  events: Events;
  deliveries: Deliveries;
  recoveries: Recoveries;
  catalogue: Catalogue;
  /** Rejects when nothing could be committed now. */
  checkReady(): Promise<void>;
  /** Deletes idempotency records that have expired; answers how many. Called now and then. */
  forgetExpired(): Promise<number>;
}

export function createService(ports: ServicePorts): Service {
  const catalogue = new Catalogue(ports);
  const webhooks = new Webhooks(ports, catalogue);
  const events = new Events(ports, catalogue);
  return {
    catalogue,
    webhooks,
    events,
    deliveries: new Deliveries(ports, webhooks, events),
    recoveries: new Recoveries(ports),
    forgetExpired: () => forgetExpired(ports),
    checkReady: shared(() => ports.store.check()),
  };
}

/** Whoever asks while it runs gets the same answer: anybody may ask, and each time the disk is synced. */
function shared(ask: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= ask().finally(() => {
      running = null;
    });
    return running;
  };
}

const FORGET_PAGE = 1_000;

/** In pages, so that no transaction is long. */
async function forgetExpired({ store, clock }: ServicePorts): Promise<number> {
  let forgotten = 0;
  for (let page = FORGET_PAGE; page === FORGET_PAGE; forgotten += page) {
    page = await store.forgetExpired(clock.now(), FORGET_PAGE);
  }
  return forgotten;
}
