import type { Store } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { text } from '../rows.ts';
import type { Transactions } from './transaction.ts';

/** What happens once or rarely in the life of an installation. */
export function accountOperations(
  transactions: Transactions,
): Pick<Store, 'createAccount' | 'vaultCheck' | 'check' | 'beginRun' | 'endRun'> {
  return {
    createAccount: ({ id, createdAt }) =>
      transactions.write(async ({ run }) =>
        (await run(INSERT, [bare(id), createdAt])) === 1 ? 'created' : 'exists',
      ),

    vaultCheck: (sealed) =>
      transactions.write(async ({ run, rows }) => {
        const inserted = run(INSERT_CHECK, [sealed]);
        const [row] = await rows('select sealed from vault_check');
        await inserted;
        return text(row ?? {}, 'sealed');
      }),

    // Writes a row, so that the commit has something to sync: a server that cannot write says so here.
    check: () =>
      transactions.write(async ({ run }) => {
        await Promise.all([run(INSERT, ['', 0]), run(`delete from accounts where id = ''`)]);
      }),

    beginRun: () =>
      transactions.write(async ({ run, rows }) => {
        const [before] = await rows(WAS_DRAINED);
        await run('update engine_run set drained = 0');
        return { drained: before?.drained === true };
      }),

    endRun: () =>
      transactions.write(async ({ run }) => {
        await run('update engine_run set drained = 1');
      }),
  };
}

const WAS_DRAINED = `
  select drained = 1 or not exists (select 1 from deliveries) as drained
  from engine_run
  for update
`;

const INSERT = `
  insert into accounts (id, created_at)
  values ($1, $2)
  on conflict do nothing
`;

const INSERT_CHECK = `
  insert into vault_check (id, sealed)
  values (1, $1)
  on conflict do nothing
`;
