import type { DueDelivery, WebhookRef } from '../../core/ports.ts';
import { integer, type Row, text } from '../rows.ts';
import type { Transaction } from './transaction.ts';

/** Lanes whose floor is kept; of more, the one that was read longest ago is read from the start again. */
const LANES_MAX = 20_000;

/**
 * Where a lane's untried deliveries begin. What was delivered stays in the index until it is vacuumed,
 * and that can be long: as long as somebody's transaction that could still see it. A read from the
 * start would pass all of it each time; a read from the floor passes what is new.
 *
 * Nothing may become visible below a floor. Numbers are drawn in order and committed in any: a number
 * that has been seen is *settled* when every transaction that may have drawn a lower one has ended.
 * Those have an id of their own before they draw (whatever they insert first gives them one), and so a
 * snapshot that is taken after the number was seen has all of them below its `xmax`, and one whose
 * `xmin` has come to that knows that they have ended. A lane's floor is then the first that is pending
 * above it, or behind what is settled.
 *
 * Only numbers that were seen committed count: a server that crashes may draw others a second time. A
 * floor belongs to one server: one that takes over may lack what was committed last.
 */
export interface Floors {
  /** Told of what was committed here. */
  seen(deliveries: readonly DueDelivery[]): void;
  /** Begins a read of one lane's untried deliveries, in a transaction that sees one moment throughout. */
  reading(transaction: Transaction, lane: WebhookRef): FloorRead;
}

export interface FloorRead {
  /** For the statement: the floor, and of which server it is. */
  values: readonly [seq: number, server: string];
  /** Told what was read from there, in order. */
  found(rows: readonly Row[]): Promise<void>;
}

interface Floor {
  seq: number;
  server: string;
}

export function createFloors(): Floors {
  const floors = new Map<string, Floor>();
  let highest = 0;
  let settled: Floor = { seq: 0, server: '' };
  /** What is settled next: `xmax` is null until a later snapshot has said it. */
  let candidate: Floor & { xmax: number | null } = { ...settled, xmax: null };
  let isSampling = false;

  return {
    seen(deliveries) {
      for (const { seq } of deliveries) highest = Math.max(highest, seq);
    },

    reading(transaction, { accountId, webhookId }) {
      const key = `${accountId} ${webhookId}`;
      const known = floors.get(key);
      // As it was before this read began: what is settled later may not be visible to it.
      const { seq, server } = settled;
      const sampled = isSampling ? null : sample(transaction);
      // When the transaction fails, what was read is not told, and nobody waits for this.
      sampled?.catch(() => {});
      return {
        values: [known?.seq ?? 0, known?.server ?? ''],
        async found(rows) {
          const first = rows[0];
          const last = rows.at(-1);
          if (last !== undefined) highest = Math.max(highest, integer(last, 'seq'));
          const from = first === undefined ? seq + 1 : Math.min(integer(first, 'seq'), seq + 1);
          keep(key, { seq: from, server });
          await sampled;
        },
      };
    },
  };

  function keep(key: string, floor: Floor): void {
    floors.delete(key);
    floors.set(key, floor);
    if (floors.size <= LANES_MAX) return;
    const [oldest] = floors.keys();
    if (oldest !== undefined) floors.delete(oldest);
  }

  /** One at a time: each snapshot is taken after what the one before has led to. */
  async function sample(transaction: Transaction): Promise<void> {
    isSampling = true;
    try {
      const [row] = await transaction.rows(SNAPSHOT);
      if (row !== undefined) learn(row);
    } finally {
      isSampling = false;
    }
  }

  function learn(row: Row): void {
    const server = text(row, 'server');
    if (candidate.server !== server) {
      settled = { seq: 0, server };
      highest = 0;
      candidate = { ...settled, xmax: null };
      return;
    }
    candidate.xmax ??= Number(text(row, 'xmax'));
    if (Number(text(row, 'xmin')) < candidate.xmax) return;
    settled = { seq: candidate.seq, server };
    candidate = { seq: highest, server, xmax: null };
  }
}

/** Each read begins at the start. */
export function noFloors(): Floors {
  return { seen() {}, reading: () => ({ values: [0, ''], async found() {} }) };
}

const SNAPSHOT = `
  select pg_snapshot_xmin(moment)::text as xmin, pg_snapshot_xmax(moment)::text as xmax,
    pg_postmaster_start_time()::text as server
  from pg_current_snapshot() as moment
`;

/** Parameters 4 and 5 are those of a `FloorRead`. */
export const IS_ABOVE_FLOOR = `
  seq >= case when pg_postmaster_start_time()::text = $5 then $4::bigint else 0 end`;
