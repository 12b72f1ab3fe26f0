import { openPostgres } from './postgres.ts';
import type { Database, Dialect } from './sql.ts';
import { openSqlite } from './sqlite.ts';

/** Opens what the URL names, `postgres://…` or `sqlite:path`, and makes the tables that are missing. */
export async function openDatabase(url: string): Promise<Database> {
  const database = url.startsWith('sqlite:')
    ? openSqlite(url.slice('sqlite:'.length))
    : openPostgres(url);
  try {
    for (const table of tables(database.dialect)) await database.query(table);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

function tables({ counter }: Dialect): string[] {
  return [
    `create table if not exists users (
       id text primary key,
       name text not null,
       email text not null unique,
       created_at text not null
     )`,
    `create table if not exists projects (
       id text primary key,
       name text not null,
       created_at text not null
     )`,
    `create table if not exists teams (
       id text primary key,
       name text not null,
       created_at text not null
     )`,
    `create table if not exists memberships (
       team_id text not null references teams (id),
       user_id text not null references users (id),
       role text not null,
       created_at text not null,
       primary key (team_id, user_id)
     )`,
    'create index if not exists memberships_by_user on memberships (user_id)',
    `create table if not exists outbox (
       position ${counter},
       id text not null unique,
       type text not null,
       data text not null,
       refused_because text
     )`,
  ];
}
