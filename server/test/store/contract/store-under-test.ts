import type { TestContext } from 'node:test';
import type { DueDelivery, Store } from '../../../src/core/ports.ts';

/** A store as the contract suite opens it; what differs between stores is data here. */
export interface StoreUnderTest {
  name: string;
  /** Why a closed store has lost everything; null when it keeps what it was told. */
  losesEverythingBecause: string | null;
  /** Opens an empty one. */
  open(): Promise<OpenStoreUnderTest>;
}

export interface OpenStoreUnderTest {
  store: Store;
  /** What was handed over, commit by commit, of this store and those it was reopened from. */
  handedOver: DueDelivery[][];
  /** Closes the store and opens what it has kept. */
  reopen(): Promise<Store>;
  /** Closes whatever is open, and removes its files. */
  close(): Promise<void>;
}

/** A store for one test; closed when that has ended. */
export async function openFor(t: TestContext, under: StoreUnderTest): Promise<OpenStoreUnderTest> {
  const opened = await under.open();
  t.after(() => opened.close());
  return opened;
}
