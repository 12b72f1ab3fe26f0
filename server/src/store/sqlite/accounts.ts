import type { DatabaseSync } from 'node:sqlite';
import { bare } from '../ids.ts';
import type { Operations } from './operation-types.ts';

export function accountOperations(
  db: DatabaseSync,
): Pick<Operations, 'createAccount' | 'vaultCheck' | 'check'> {
  const insert = db.prepare(`
    insert into accounts (id, created_at)
    values (?, ?)
    on conflict do nothing
  `);
  const insertCheck = db.prepare(`
    insert into vault_check (id, sealed)
    values (1, ?)
    on conflict do nothing
  `);
  // Dirties a page, so that the commit writes and syncs: without, a full disk is not noticed, and
  // SQLite skips an update that changes no byte.
  const removeNobody = db.prepare(`delete from accounts where id = ''`);
  const selectCheck = db.prepare('select sealed from vault_check');

  return {
    createAccount({ id, createdAt }) {
      return insert.run(bare(id), createdAt).changes === 1 ? 'created' : 'exists';
    },
    vaultCheck(sealed) {
      insertCheck.run(sealed);
      return String(selectCheck.get()?.sealed);
    },
    check() {
      insert.run('', 0);
      removeNobody.run();
    },
  };
}
