import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startPostgres } from '../../server/test/support/postgres/server.ts';

/** Of one database since it was made. */
export interface DatabaseWork {
  commits: number;
  /** Begin and commit among them; each is a round trip unless several are sent together. */
  statements: number;
}

/** A database of its own for one server. */
export interface BenchDatabase {
  url: string;
  /** Deliveries by status. */
  countDeliveries(): Promise<Record<string, number>>;
  work(): Promise<DatabaseWork>;
}

/** A PostgreSQL server with the durability that it has by default, and what it counts of its work. */
export class BenchPostgres implements AsyncDisposable {
  readonly #url: string;
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.#url = url;
    this.#stop = stop;
  }

  static async start(directory: string): Promise<BenchPostgres> {
    const { url, stop } = await startPostgres({
      directory,
      syncs: true,
      settings: [
        'shared_preload_libraries=pg_stat_statements',
        'shared_buffers=256MB',
        'max_wal_size=4GB',
      ],
    });
    await queryOnce(url, 'create extension pg_stat_statements');
    return new BenchPostgres(url, stop);
  }

  async createDatabase(): Promise<BenchDatabase> {
    const serverUrl = this.#url;
    const name = `bench_${randomBytes(6).toString('hex')}`;
    await queryOnce(serverUrl, `create database ${name}`);
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    return {
      url: url.href,
      async countDeliveries() {
        const counts = 'select status, count(*)::int as n from deliveries group by status';
        const rows = await queryOnce(url.href, counts);
        return Object.fromEntries(rows.map(({ status, n }) => [String(status), Number(n)]));
      },
      async work() {
        const [row] = await queryOnce(
          serverUrl,
          `
            select
              (select xact_commit from pg_stat_database where datname = '${name}') as commits,
              (
                select sum(s.calls)
                from pg_stat_statements s
                join pg_database d on d.oid = s.dbid
                where d.datname = '${name}'
              ) as statements
          `,
        );
        return { commits: Number(row?.commits), statements: Number(row?.statements) };
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

async function queryOnce(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
