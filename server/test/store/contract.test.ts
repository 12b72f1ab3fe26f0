import { describe } from 'node:test';
import { accountsContract } from './contract/accounts.ts';
import { cancelContract } from './contract/cancel.ts';
import { deliveriesContract } from './contract/deliveries.ts';
import { dueContract } from './contract/due.ts';
import { eventTypesContract } from './contract/event-types.ts';
import { lanesContract } from './contract/lanes.ts';
import { onceContract } from './contract/once.ts';
import { pendingContract } from './contract/pending.ts';
import { publishContract } from './contract/publish.ts';
import { recoveriesContract } from './contract/recoveries.ts';
import { reopenedContract } from './contract/reopened.ts';
import { sendTimesContract } from './contract/send-times.ts';
import { settleContract } from './contract/settle.ts';
import type { StoreUnderTest } from './contract/store-under-test.ts';
import { subscriptionsContract } from './contract/subscriptions.ts';
import { vaultCheckContract } from './contract/vault-check.ts';
import { webhooksContract } from './contract/webhooks.ts';
import {
  openAt,
  openInDatabase,
  openInFolder,
  openLocal,
  openPostgres,
  openThread,
} from './support/stores.ts';

/** Every store there is. The same promises hold for each of them. */
const STORES: StoreUnderTest[] = [
  {
    name: 'SQLite in memory',
    losesEverythingBecause: 'what is in memory is gone when it is closed',
    open: () => openAt(':memory:', openLocal),
  },
  {
    name: 'SQLite in a file',
    losesEverythingBecause: null,
    open: () => openInFolder(openLocal),
  },
  {
    name: 'SQLite in a file, behind a thread',
    losesEverythingBecause: null,
    open: () => openInFolder(openThread),
  },
  {
    name: 'PostgreSQL',
    losesEverythingBecause: null,
    open: () => openInDatabase(openPostgres),
  },
];

for (const store of STORES) {
  describe(`store: ${store.name}`, () => {
    accountsContract(store);
    eventTypesContract(store);
    webhooksContract(store);
    subscriptionsContract(store);
    publishContract(store);
    dueContract(store);
    pendingContract(store);
    settleContract(store);
    deliveriesContract(store);
    cancelContract(store);
    recoveriesContract(store);
    lanesContract(store);
    sendTimesContract(store);
    onceContract(store);
    vaultCheckContract(store);
    reopenedContract(store);
  });
}
