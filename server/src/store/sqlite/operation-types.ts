import type { Store } from '../../core/ports.ts';
import type { OperationName } from '../calls.ts';

/** The port's calls without their promises: they run inside a transaction that others share. */
export type Operations = {
  [Name in OperationName]: (...args: Parameters<Store[Name]>) => Awaited<ReturnType<Store[Name]>>;
};
