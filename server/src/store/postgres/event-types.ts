import type { Store } from '../../core/ports.ts';
import { EVENT_TYPE_COLUMNS, eventType } from '../event-type-rows.ts';
import { pageOf, text } from '../rows.ts';
import type { Transactions } from './transaction.ts';

export function eventTypeOperations(
  transactions: Transactions,
): Pick<
  Store,
  'listEventTypes' | 'getEventType' | 'eventTypeNames' | 'putEventType' | 'deleteEventType'
> {
  return {
    async listEventTypes({ limit, after = '' }) {
      return pageOf(await transactions.readRows(LIST, [after, limit + 1]), limit, eventType);
    },

    async getEventType(name) {
      const [row] = await transactions.readRows(GET, [name]);
      return row === undefined ? null : eventType(row);
    },

    async eventTypeNames() {
      const rows = await transactions.readRows('select name from event_types');
      return rows.map((row) => text(row, 'name'));
    },

    putEventType: ({ name, description, schema, example }, { max }) =>
      transactions.write(async ({ run, rows }) => {
        // Of two that come at once the second counts the first.
        const locked = run('lock table event_types in share row exclusive mode');
        const [found] = await rows(COUNT, [name]);
        await locked;
        const isKnown = found?.known === true;
        if (!isKnown && Number(found?.count) >= max) return 'too_many';
        await run(PUT, [name, description, schema, example]);
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

const LIST = `
  select ${EVENT_TYPE_COLUMNS}
  from event_types
  where name > $1
  order by name
  limit $2
`;

const GET = `
  select ${EVENT_TYPE_COLUMNS}
  from event_types
  where name = $1
`;

const COUNT = `
  select count(*) as count, coalesce(bool_or(name = $1), false) as known
  from event_types
`;

const PUT = `
  insert into event_types (name, description, schema, example)
  values ($1, $2, $3, $4)
  on conflict (name) do update
  set
    description = excluded.description,
    schema = excluded.schema,
    example = excluded.example
`;
