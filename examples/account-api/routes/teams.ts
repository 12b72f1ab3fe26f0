import type { Static } from 'typebox';
import { newId, now } from '../new-id.ts';
import { explained, notFound, ProblemError } from '../problems.ts';
import { ById, NewTeam, PAGE_MAX, PageQuery, pageOf, Team } from '../schemas.ts';
import type { Sql } from '../sql.ts';
import { type Api, page, type RouteContext } from './context.ts';

type TeamRow = Static<typeof Team>;

/** Teams have no events of their own; their members have (`members.ts`). */
export function teamRoutes(api: Api, { sql }: RouteContext): void {
  api.post(
    '/teams',
    {
      schema: { body: NewTeam, response: { 201: Team } },
      config: { operation: { id: 'createTeam', summary: 'Create a team.' } },
    },
    async ({ body: { name } }, reply) => {
      const team = { id: newId('team'), name, created_at: now() };
      await insert(sql, team);
      return reply.code(201).send(team);
    },
  );

  api.get(
    '/teams',
    {
      schema: { querystring: PageQuery, response: { 200: pageOf(Team) } },
      config: { operation: { id: 'listTeams', summary: 'List teams.' } },
    },
    async ({ query: { after = '' } }) => page(await list(sql, after), ({ id }) => id),
  );

  api.get(
    '/teams/:id',
    {
      schema: { params: ById, response: { 200: Team } },
      config: { operation: { id: 'getTeam', summary: 'Get a team.' } },
    },
    async ({ params: { id } }) => {
      const [team] = await sql.query<TeamRow>(
        'select id, name, created_at from teams where id = $1',
        id,
      );
      if (team === undefined) throw notFound('team', id);
      return team;
    },
  );

  api.delete(
    '/teams/:id',
    {
      schema: { params: ById },
      config: { operation: { id: 'deleteTeam', summary: 'Delete a team without members.' } },
    },
    async ({ params: { id } }, reply) => {
      const deleted = await explained(
        sql.query('delete from teams where id = $1 returning id', id),
        { reference: new ProblemError(409, `Remove the members of ${id} first.`) },
      );
      if (deleted.length === 0) throw notFound('team', id);
      return reply.code(204).send();
    },
  );
}

function list(sql: Sql, after: string): Promise<TeamRow[]> {
  return sql.query<TeamRow>(
    `select id, name, created_at
     from teams
     where id > $1
     order by id
     limit $2`,
    after,
    PAGE_MAX + 1,
  );
}

function insert(sql: Sql, { id, name, created_at }: TeamRow): Promise<unknown> {
  return sql.query(
    `insert into teams (id, name, created_at)
     values ($1, $2, $3)`,
    id,
    name,
    created_at,
  );
}
