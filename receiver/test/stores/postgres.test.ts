import { after } from 'node:test';
import pg from 'pg';
import { freshDatabase } from '../../../server/test/support/postgres.ts';
import { type SqlQuery, sqlStore, sqlStoreTable } from '../../src/stores/sql.ts';
import { storeContract } from './contract.ts';

storeContract('PostgreSQL', async () => {
  let nowMs = 1_701_444_600_000;
  const pool = new pg.Pool({ connectionString: await freshDatabase({ after: later }) });
  // At the end its connections may be ended by either side.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  later(() => pool.end());
  const statements = sqlStoreTable();
  for (const statement of [...statements, ...statements]) await pool.query(statement);
  const query: SqlQuery = async (text, values) => (await pool.query(text, [...values])).rows;
  return {
    store: sqlStore(query, { placeholders: '$1', now: () => nowMs }),
    elapse(ms: number) {
      nowMs += ms;
    },
  };
});

/** Undone when the file has ended, the last first: a database can be dropped when nobody uses it. */
function later(undo: () => unknown): void {
  undone.unshift(undo);
}
const undone: (() => unknown)[] = [];
after(async () => {
  for (const undo of undone) await undo();
});
