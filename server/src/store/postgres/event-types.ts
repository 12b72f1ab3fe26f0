import type { Store } from '../../core/ports.ts';
import { pageOf, type Row, text } from '../rows.ts';
import type { Transactions } from './transaction.ts';

export function eventTypeOperations(
  transactions: Transactions,
): Pick<Store, 'listEventTypes' | 'eventTypeNames' | 'putEventType' | 'deleteEventType'> {
  return {
    async listEventTypes({ limit, after = '' }) {
      return pageOf(await transactions.readRows(LIST, [after, limit + 1]), limit, eventType);
    },

    async eventTypeNames() {
      const rows = await transactions.readRows('select name from event_types');
      return rows.map((row) => text(row, 'name'));
    },

    putEventType: ({ name, description }, { max }) =>
      transactions.write(async ({ run, rows }) => {
        // Of two that come at once the second counts the first.
        const locked = run('lock table event_types in share row exclusive mode');
        const [found] = await rows(COUNT, [name]);
        await locked;
        const isKnown = found?.known === true;
        if (!isKnown && Number(found?.count) >= max) return 'too_many';
        await run(PUT, [name, description]);
        return isKnown ? 'updated' : 'created';
      }),

    deleteEventType: (name) =>
      transactions.write(async ({ run }) =>
        (await run('delete from event_types where name = $1', [name])) === 0
          ? 'missing'
          : 'deleted',
      ),
  };
}

function eventType(row: Row) {
  return { name: text(row, 'name'), description: text(row, 'description') };
}

const LIST = `
  select name, description
  from event_types
  where name > $1
  order by name
  limit $2
`;

const COUNT = `
  select count(*) as count, coalesce(bool_or(name = $1), false) as known
  from event_types
`;

const PUT = `
  insert into event_types (name, description)
  values ($1, $2)
  on conflict (name) do update set description = excluded.description
`;
