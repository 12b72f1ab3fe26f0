import type { Static } from 'typebox';
import { newId, now } from '../new-id.ts';
import { explained, notFound, ProblemError } from '../problems.ts';
import { ById, NewUser, PAGE_MAX, PageQuery, pageOf, User, UserPatch } from '../schemas.ts';
import type { Sql } from '../sql.ts';
import { type Api, page, type RouteContext } from './context.ts';

type UserRow = Static<typeof User>;

export function userRoutes(api: Api, { sql, change }: RouteContext): void {
  api.post(
    '/users',
    {
      schema: { body: NewUser, response: { 201: User } },
      config: { operation: { id: 'createUser', summary: 'Create a user.' } },
    },
    async ({ body }, reply) => {
      const user = { id: newId('usr'), ...body, created_at: now() };
      await change(async (sql, emit) => {
        await explained(insert(sql, user), { unique: emailTaken(user) });
        await emit('user.created', user);
      });
      return reply.code(201).send(user);
    },
  );

  api.get(
    '/users',
    {
      schema: { querystring: PageQuery, response: { 200: pageOf(User) } },
      config: { operation: { id: 'listUsers', summary: 'List users.' } },
    },
    async ({ query: { after = '' } }) => page(await list(sql, after), ({ id }) => id),
  );

  api.get(
    '/users/:id',
    {
      schema: { params: ById, response: { 200: User } },
      config: { operation: { id: 'getUser', summary: 'Get a user.' } },
    },
    async ({ params: { id } }) => await find(sql, id),
  );

  api.patch(
    '/users/:id',
    {
      schema: { params: ById, body: UserPatch, response: { 200: User } },
      config: { operation: { id: 'updateUser', summary: 'Update a user.' } },
    },
    ({ params: { id }, body }) =>
      change(async (sql, emit) => {
        const before = await find(sql, id, sql.dialect.rowLock);
        const user = { ...before, ...body };
        // What stays as it was is no change, and nothing to tell of.
        if (user.name === before.name && user.email === before.email) return before;
        await explained(update(sql, user), { unique: emailTaken(user) });
        await emit('user.updated', user);
        return user;
      }),
  );

  api.delete(
    '/users/:id',
    {
      schema: { params: ById },
      config: { operation: { id: 'deleteUser', summary: 'Delete a user, who is in no team.' } },
    },
    async ({ params: { id } }, reply) => {
      await change(async (sql, emit) => {
        const user = await find(sql, id, sql.dialect.rowLock);
        await explained(sql.query('delete from users where id = $1', id), {
          reference: new ProblemError(409, `Remove ${id} from all teams first.`),
        });
        await emit('user.deleted', user);
      });
      return reply.code(204).send();
    },
  );
}

function emailTaken({ email }: UserRow): ProblemError {
  return new ProblemError(409, `There is a user with the address ${email} already.`);
}

async function find(sql: Sql, id: string, lock = ''): Promise<UserRow> {
  const [user] = await sql.query<UserRow>(
    `select id, name, email, created_at
     from users
     where id = $1
     ${lock}`,
    id,
  );
  if (user === undefined) throw notFound('user', id);
  return user;
}

function list(sql: Sql, after: string): Promise<UserRow[]> {
  return sql.query<UserRow>(
    `select id, name, email, created_at
     from users
     where id > $1
     order by id
     limit $2`,
    after,
    PAGE_MAX + 1,
  );
}

function insert(sql: Sql, { id, name, email, created_at }: UserRow): Promise<unknown> {
  return sql.query(
    `insert into users (id, name, email, created_at)
     values ($1, $2, $3, $4)`,
    id,
    name,
    email,
    created_at,
  );
}

function update(sql: Sql, { id, name, email }: UserRow): Promise<unknown> {
  return sql.query(
    `update users
     set name = $2, email = $3
     where id = $1`,
    id,
    name,
    email,
  );
}
