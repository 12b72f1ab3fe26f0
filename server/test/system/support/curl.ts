import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** A missing curl is said aloud on a laptop, and a failure under CI. */
export function hasCurl(t: TestContext): boolean {
  const isThere = spawnSync('curl', ['--version']).status === 0;
  if (!isThere) {
    assert.notEqual(process.env.CI, 'true', 'curl is missing');
    t.diagnostic('curl is missing: commands that need it were NOT tried');
  }
  return isThere;
}
