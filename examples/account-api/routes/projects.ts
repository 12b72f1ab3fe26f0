import type { Static } from 'typebox';
import { newId, now } from '../new-id.ts';
import { notFound } from '../problems.ts';
import { ById, NewProject, PAGE_MAX, PageQuery, Project, pageOf } from '../schemas.ts';
import type { Sql } from '../sql.ts';
import { type Api, page, type RouteContext } from './context.ts';

type ProjectRow = Static<typeof Project>;

export function projectRoutes(api: Api, { sql, change }: RouteContext): void {
  api.post(
    '/projects',
    {
      schema: { body: NewProject, response: { 201: Project } },
      config: { operation: { id: 'createProject', summary: 'Create a project.' } },
    },
    async ({ body: { name } }, reply) => {
      const project = { id: newId('prj'), name, created_at: now() };
      await change(async (sql, emit) => {
        await insert(sql, project);
        await emit('project.created', project);
      });
      return reply.code(201).send(project);
    },
  );

  api.get(
    '/projects',
    {
      schema: { querystring: PageQuery, response: { 200: pageOf(Project) } },
      config: { operation: { id: 'listProjects', summary: 'List projects.' } },
    },
    async ({ query: { after = '' } }) => page(await list(sql, after), ({ id }) => id),
  );

  api.get(
    '/projects/:id',
    {
      schema: { params: ById, response: { 200: Project } },
      config: { operation: { id: 'getProject', summary: 'Get a project.' } },
    },
    async ({ params: { id } }) => await find(sql, id),
  );

  api.patch(
    '/projects/:id',
    {
      schema: { params: ById, body: NewProject, response: { 200: Project } },
      config: { operation: { id: 'updateProject', summary: 'Update a project.' } },
    },
    ({ params: { id }, body: { name } }) =>
      change(async (sql, emit) => {
        const before = await find(sql, id, sql.dialect.rowLock);
        if (name === before.name) return before;
        const project = { ...before, name };
        await sql.query('update projects set name = $2 where id = $1', id, name);
        await emit('project.updated', project);
        return project;
      }),
  );

  api.delete(
    '/projects/:id',
    {
      schema: { params: ById },
      config: { operation: { id: 'deleteProject', summary: 'Delete a project.' } },
    },
    async ({ params: { id } }, reply) => {
      await change(async (sql, emit) => {
        const project = await find(sql, id, sql.dialect.rowLock);
        await sql.query('delete from projects where id = $1', id);
        await emit('project.deleted', project);
      });
      return reply.code(204).send();
    },
  );
}

async function find(sql: Sql, id: string, lock = ''): Promise<ProjectRow> {
  const [project] = await sql.query<ProjectRow>(
    `select id, name, created_at
     from projects
     where id = $1
     ${lock}`,
    id,
  );
  if (project === undefined) throw notFound('project', id);
  return project;
}

function list(sql: Sql, after: string): Promise<ProjectRow[]> {
  return sql.query<ProjectRow>(
    `select id, name, created_at
     from projects
     where id > $1
     order by id
     limit $2`,
    after,
    PAGE_MAX + 1,
  );
}

function insert(sql: Sql, { id, name, created_at }: ProjectRow): Promise<unknown> {
  return sql.query(
    `insert into projects (id, name, created_at)
     values ($1, $2, $3)`,
    id,
    name,
    created_at,
  );
}
