import pg from 'pg';
import { PosthornError } from '../../core/errors.ts';

/**
 * What a failure of PostgreSQL means:
 * - `conflict`: two transactions stood in each other's way; nothing happened, the same one may succeed
 * - `lost`: the connection cannot be used any more; what was being committed may be, or not
 * - `unavailable`: the server could not do it now; nothing happened
 * - `call`: the call's own fault, a broken constraint for example
 */
export type Trouble = 'conflict' | 'lost' | 'unavailable' | 'call';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: a code, or the class it begins with. */
const TROUBLE_BY_CODE: readonly (readonly [code: string, trouble: Trouble])[] = [
  ['40001', 'conflict'], // serialization failure
  ['40P01', 'conflict'], // deadlock
  ['25006', 'lost'], // read-only: another server is the one that writes now
  ['25P03', 'lost'], // idle in a transaction for too long
  ['26', 'lost'], // a statement that was kept there is not
  ['57014', 'unavailable'], // cancelled: the statement took too long
  ['55P03', 'unavailable'], // a lock was not to be had
  ['57', 'lost'], // the server stops, starts, or an administrator ended it
  ['08', 'lost'], // the connection failed
  ['28', 'lost'], // not allowed to connect
  ['3D', 'lost'], // no such database
  ['53', 'unavailable'], // disk full, out of memory, too many connections
  ['58', 'unavailable'], // input or output failed
  ['XX', 'unavailable'], // an internal error, damaged data
];

/** Whatever the client or the server said, with what it means. */
export class DatabaseFault extends Error {
  override name = 'DatabaseFault';
  readonly trouble: Trouble;

  constructor(trouble: Trouble, message: string, options: { cause: unknown }) {
    super(message, options);
    this.trouble = trouble;
  }
}

/** What the client threw. Anything that the server did not say is about the connection. */
export function faultOf(cause: unknown): DatabaseFault {
  const trouble = cause instanceof pg.DatabaseError ? troubleOf(cause.code ?? '') : 'lost';
  return new DatabaseFault(trouble, (cause as Error).message, { cause });
}

function troubleOf(code: string): Trouble {
  return TROUBLE_BY_CODE.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'call';
}

/** What a caller is told: the cause of a fault of its own, else that the store cannot be used. */
export function told(fault: DatabaseFault): Error {
  if (fault.trouble === 'call') return fault.cause as Error;
  // The server's own words may name its address; the code says enough.
  const code = (fault.cause as { code?: unknown } | null)?.code;
  const about =
    typeof code === 'string' ? `${SENTENCES[fault.trouble]} (${code})` : SENTENCES[fault.trouble];
  return new PosthornError('store_unavailable', `The store cannot be used now: ${about}.`, {
    retryAfterSeconds: 1,
    cause: fault,
  });
}

const SENTENCES: Record<Exclude<Trouble, 'call'>, string> = {
  conflict: 'other transactions stood in the way',
  lost: 'there is no connection to the database',
  unavailable: 'the database could not do it',
};
