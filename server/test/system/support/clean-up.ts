import type { TestContext } from 'node:test';

const steps = new WeakMap<TestContext, (() => void | Promise<void>)[]>();

/** Undoes something after the test; what was done last is undone first, unlike with `t.after`. */
export function cleanUp(t: TestContext, step: () => void | Promise<void>): void {
  const known = steps.get(t);
  if (known !== undefined) {
    known.push(step);
    return;
  }
  const own = [step];
  steps.set(t, own);
  t.after(async () => {
    for (const each of own.toReversed()) await each();
  });
}
