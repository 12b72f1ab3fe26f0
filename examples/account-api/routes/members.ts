import type { Static } from 'typebox';
import { now } from '../new-id.ts';
import { explained, notFound, ProblemError } from '../problems.ts';
import {
  ById,
  ByMember,
  Member,
  MemberPatch,
  NewMember,
  PAGE_MAX,
  PageQuery,
  pageOf,
} from '../schemas.ts';
import type { Sql } from '../sql.ts';
import { type Api, page, type RouteContext } from './context.ts';

type MemberRow = Static<typeof Member>;

export function memberRoutes(api: Api, { sql, change }: RouteContext): void {
  api.post(
    '/teams/:id/members',
    {
      schema: { params: ById, body: NewMember, response: { 201: Member } },
      config: { operation: { id: 'addMember', summary: 'Add a user to a team.' } },
    },
    async ({ params, body }, reply) => {
      const member = { team_id: params.id, ...body, created_at: now() };
      await change(async (sql, emit) => {
        await explained(insert(sql, member), {
          unique: new ProblemError(409, `${body.user_id} is in ${params.id} already.`),
          reference: new ProblemError(404, `There is no team ${params.id} or no such user.`),
        });
        await emit('team.member.added', member);
      });
      return reply.code(201).send(member);
    },
  );

  api.get(
    '/teams/:id/members',
    {
      schema: { params: ById, querystring: PageQuery, response: { 200: pageOf(Member) } },
      config: { operation: { id: 'listMembers', summary: 'List the members of a team.' } },
    },
    async ({ params: { id }, query: { after = '' } }) =>
      page(await list(sql, id, after), ({ user_id }) => user_id),
  );

  api.patch(
    '/teams/:id/members/:user_id',
    {
      schema: { params: ByMember, body: MemberPatch, response: { 200: Member } },
      config: { operation: { id: 'changeRole', summary: 'Change the role of a member.' } },
    },
    ({ params: { id, user_id }, body: { role } }) =>
      change(async (sql, emit) => {
        const before = await findLocked(sql, id, user_id);
        if (role === before.role) return before;
        const member = { ...before, role };
        await sql.query(
          `update memberships
           set role = $3
           where team_id = $1 and user_id = $2`,
          id,
          user_id,
          role,
        );
        await emit('team.member.role_changed', { ...member, previous_role: before.role });
        return member;
      }),
  );

  api.delete(
    '/teams/:id/members/:user_id',
    {
      schema: { params: ByMember },
      config: { operation: { id: 'removeMember', summary: 'Remove a user from a team.' } },
    },
    async ({ params: { id, user_id } }, reply) => {
      await change(async (sql, emit) => {
        const member = await findLocked(sql, id, user_id);
        await sql.query('delete from memberships where team_id = $1 and user_id = $2', id, user_id);
        await emit('team.member.removed', member);
      });
      return reply.code(204).send();
    },
  );
}

async function findLocked(sql: Sql, teamId: string, userId: string): Promise<MemberRow> {
  const [member] = await sql.query<MemberRow>(
    `select team_id, user_id, role, created_at
     from memberships
     where team_id = $1 and user_id = $2
     ${sql.dialect.rowLock}`,
    teamId,
    userId,
  );
  if (member === undefined) throw notFound(`member of ${teamId} with the id`, userId);
  return member;
}

function list(sql: Sql, teamId: string, after: string): Promise<MemberRow[]> {
  return sql.query<MemberRow>(
    `select team_id, user_id, role, created_at
     from memberships
     where team_id = $1 and user_id > $2
     order by user_id
     limit $3`,
    teamId,
    after,
    PAGE_MAX + 1,
  );
}

function insert(sql: Sql, { team_id, user_id, role, created_at }: MemberRow): Promise<unknown> {
  return sql.query(
    `insert into memberships (team_id, user_id, role, created_at)
     values ($1, $2, $3, $4)`,
    team_id,
    user_id,
    role,
    created_at,
  );
}
