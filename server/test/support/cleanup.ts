/**
 * Where helpers leave what has to be undone: a test's context, or `{ after }` of `node:test` for
 * what a whole file shares.
 */
export interface Cleanup {
  after(undo: () => Promise<void> | void): unknown;
}
