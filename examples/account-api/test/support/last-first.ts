import type { TestContext } from 'node:test';
import type { Cleanup } from '../../../../server/test/support/cleanup.ts';
import { cleanUp } from '../../../../server/test/system/support/clean-up.ts';

/** What was started last is stopped first: nothing loses what it stands on. */
export function lastFirst(t: TestContext): Cleanup {
  return { after: (undo) => cleanUp(t, undo) };
}
