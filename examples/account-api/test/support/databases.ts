import type { TestContext } from 'node:test';
import { freshDatabase } from '../../../../server/test/support/postgres.ts';
import { temporaryDirectory } from '../../../../server/test/system/support/server-process.ts';
import { lastFirst } from './last-first.ts';

export interface TestDatabase {
  readonly name: string;
  /** Of a new and empty one, which is gone after the test. */
  url(t: TestContext): Promise<string>;
}

export const DATABASES: readonly TestDatabase[] = [
  { name: 'SQLite', url: async (t) => `sqlite:${temporaryDirectory(t)}/account.db` },
  { name: 'PostgreSQL', url: (t) => freshDatabase(lastFirst(t)) },
];
