import type { Store } from '../../core/ports.ts';

/** The store's calls that are statements on the database; `close` belongs to whoever holds it. */
export type OperationName = Exclude<keyof Store, 'close'>;

/** The port's calls without their promises: they run inside a transaction that others share. */
export type Operations = {
  [Name in OperationName]: (...args: Parameters<Store[Name]>) => Awaited<ReturnType<Store[Name]>>;
};
