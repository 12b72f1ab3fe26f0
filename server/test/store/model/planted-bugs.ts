// Plants one bug at a time in a copy of a store, and shows to what the shortest sequence that finds it comes.
//
//   node_modules/.bin/node server/test/store/model/planted-bugs.ts [part of a name]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { withPlanted } from '../../simulation/planted-bugs.ts';

interface PlantedBug {
  name: string;
  /** Below `server/src/store`. */
  file: string;
  /** Stands there exactly once. */
  from: string;
  to: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'SQLite: a cancelled delivery becomes what its late attempt says',
    file: 'sqlite/settle.ts',
    from: "where seq = ?11 and account_id = ?12 and status = 'pending'",
    to: 'where seq = ?11 and account_id = ?12',
  },
  {
    name: 'SQLite: a page of deliveries forgets where it begins',
    file: 'event-rows.ts',
    from: 'below: position < end ? position : end,',
    to: 'below: createdBefore === undefined ? position : end,',
  },
  {
    name: 'SQLite: a redelivery goes to a disabled webhook',
    file: 'sqlite/redeliver.ts',
    from: "if (row.webhook_status === 'disabled') return 'webhook_disabled';",
    to: '',
  },
  {
    name: "SQLite: an idempotency key is another account's too",
    file: 'sqlite/once.ts',
    from: 'where account_id = ? and key = ? and expires_at > ?',
    to: "where (account_id = ? or account_id <> '') and key = ? and expires_at > ?",
  },
  {
    name: 'PostgreSQL: the attempt before is not kept',
    file: 'postgres/settle.ts',
    from: 'where d.attempt_id <> made.id',
    to: 'where d.attempt_id = made.id',
  },
  {
    name: 'PostgreSQL: an expired idempotency key is not used again',
    file: 'postgres/once.ts',
    from: 'where idempotency.expires_at <= excluded.created_at',
    to: 'where idempotency.expires_at < 0',
  },
  {
    name: 'PostgreSQL: two recoveries of a webhook that are created at once both run',
    file: 'postgres/recoveries.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text.
    from: 'transaction.rows(`${WEBHOOK_OF} for update`, [account, webhook]);',
    to: 'transaction.rows(WEBHOOK_OF, [account, webhook]);',
  },
  {
    name: 'PostgreSQL: a recovery brings back what is pending',
    file: 'postgres/recoveries.ts',
    from: "status in ('pending', 'delivered')",
    to: "status in ('delivered')",
  },
  {
    name: 'PostgreSQL: what is to be tried again has no turn beside what was never tried',
    file: 'postgres/due.ts',
    from: 'const order = inTurns(wanted(fresh, request), wanted(again, request));',
    to: 'const order = [...wanted(fresh, request), ...wanted(again, request)];',
  },
];

/** The lines of the shortest sequence, or null when none was found. */
export async function shortestThatFinds(
  bug: PlantedBug,
  { seed }: { seed?: number } = {},
): Promise<readonly string[] | null> {
  const file = join('store', bug.file);
  return await withPlanted({ ...bug, file }, async (copy) => {
    const test = join(copy, 'server/test/store/reference-model.test.ts');
    const name = bug.name.startsWith('SQLite') ? '^SQLite and' : 'PostgreSQL';
    const args = ['--test', `--test-name-pattern=${name}`, '--test-reporter=spec', test];
    // A runner within a runner would report to that one.
    const { NODE_TEST_CONTEXT, TEST_PATH, ...plain } = process.env;
    const child = spawn(process.execPath, args, {
      env: seed === undefined ? plain : { ...plain, TEST_SEED: String(seed) },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code === 0) return null;
    const lines = said.slice(said.lastIndexOf('runs it again')).split('\n');
    return lines.filter((line) => /^ *(\{"kind"|Difference: )/.test(line));
  });
}

if (import.meta.main) {
  const [, , part = ''] = process.argv;
  for (const bug of plantedBugs.filter(({ name }) => name.includes(part))) {
    const startedAt = performance.now();
    const lines = await shortestThatFinds(bug);
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    const found = lines === null ? 'NOT FOUND' : `${lines.length - 1} operations`;
    console.log(`${found}, ${seconds} s: ${bug.name}`);
    for (const line of lines ?? []) console.log(line.slice(0, 200));
  }
}
