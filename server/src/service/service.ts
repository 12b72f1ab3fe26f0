import { Catalogue } from './catalogue.ts';
import { Deliveries } from './deliveries.ts';
import { Events } from './events.ts';
import type { ServicePorts } from './ports.ts';
import { Webhooks } from './webhooks.ts';

/** Everything that can be asked of Posthorn, by account; HTTP is one way to ask. */
export interface Service {
  webhooks: Webhooks;
  events: Events;
  deliveries: Deliveries;
  catalogue: Catalogue;
  /** Rejects when nothing could be committed now. */
  checkReady(): Promise<void>;
}

export function createService(ports: ServicePorts): Service {
  const catalogue = new Catalogue(ports.store);
  const webhooks = new Webhooks(ports, catalogue);
  return {
    catalogue,
    webhooks,
    events: new Events(ports, catalogue),
    deliveries: new Deliveries(ports, webhooks),
    checkReady: () => ports.store.check(),
  };
}
