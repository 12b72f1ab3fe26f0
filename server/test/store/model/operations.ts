import fc from 'fast-check';

/**
 * What random runs are made of: plain data, so that a run can be shown, made shorter and run again. What
 * an operation is about is named by its age: `0` is the newest of its kind, so that a run that has lost
 * an operation still means the same.
 */
export type Operation = Write | Look | Together;
export type Write = Values<typeof writes>;
export type Look = Values<typeof looks>;
/** Sent at once; each has to come out as if they had been made one after the other. */
export interface Together {
  kind: 'together';
  waitMs: number;
  all: Write[];
}
/** What makes a call happen once, or again. */
export type Keyed = { key: number; body: number; keepMs: number } | null;

/** Which webhooks want an event is found out by either, or by the caller before the last change. */
type Matched = 'by the caller' | 'by the store' | 'too early';

/** `gone`: the receiver's 410, after which its webhook is disabled. */
export type Outcome = 'delivered' | 'retry' | 'failed' | 'gone';

type Values<Arbitraries extends Record<string, fc.Arbitrary<unknown>>> = {
  [Kind in keyof Arbitraries]: Arbitraries[Kind] extends fc.Arbitrary<infer Value> ? Value : never;
}[keyof Arbitraries];

export const TYPES = ['user.created', 'user.updated', 'project.created'] as const;
const SUBSCRIPTIONS = [['*'], ['user.*'], ['project.created', 'user.updated'], ['team.*']];
/** More than the catalogue has at first, but not by much. */
const NAMES = ['user.created', 'a.new_one', 'b.new_one', 'c.new_one'];

const age = fc.nat(7);
const account = weighted<number>([3, fc.constant(0)], [1, fc.constant(1)]);
const waitMs = weighted<number>([4, fc.constant(0)], [4, fc.nat(3_000)], [1, fc.constant(70_000)]);
const keyed: fc.Arbitrary<Keyed> = weighted<Keyed>(
  [2, fc.constant(null)],
  [1, fc.record({ key: fc.nat(2), body: fc.nat(1), keepMs: fc.constantFrom(1e9, 1_000) })],
);
/** Now and then a call names another account's. */
const isForeign = weighted<boolean>([9, fc.constant(false)], [1, fc.constant(true)]);
const events = fc.constantFrom(...SUBSCRIPTIONS);
const pageLimit = fc.integer({ min: 1, max: 6 });

const writes = {
  createWebhook: operation('createWebhook', { account, events, keyed, isLimited: fc.boolean() }),
  publish: operation('publish', {
    account,
    types: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 4 }),
    matched: weighted<Matched>(
      [4, fc.constant('by the caller')],
      [2, fc.constant('by the store')],
      [1, fc.constant('too early')],
    ),
    keyed,
  }),
  settle: operation('settle', {
    webhook: age,
    deliveries: fc.uniqueArray(age, { minLength: 1, maxLength: 3 }),
    outcome: weighted<Outcome>(
      [4, fc.constant('delivered')],
      [4, fc.constant('retry')],
      [4, fc.constant('failed')],
      [1, fc.constant('gone')],
    ),
    isSecondTry: fc.boolean(),
    isLate: isForeign,
  }),
  change: operation('change', { webhook: age, isForeign, what: changes() }),
  rotate: operation('rotate', { webhook: age, isForeign, keyed, overlapMs: overlap() }),
  preferNew: operation('preferNew', { webhook: age, isStale: fc.boolean() }),
  delete: operation('delete', { webhook: age, isForeign }),
  disable: operation('disable', { webhook: age, isOtherUrl: isForeign }),
  hold: operation('hold', {
    webhook: age,
    forMs: fc.option(fc.nat(100_000)),
    isOtherUrl: isForeign,
  }),
  remember: operation('remember', {
    webhook: age,
    failedAttempts: fc.nat(3),
    isOtherUrl: isForeign,
  }),
  cancel: operation('cancel', { delivery: age, isForeign, keyed }),
  cancelPending: operation('cancelPending', {
    webhook: age,
    limit: fc.constantFrom(10_000, 1, 2),
  }),
  redeliver: operation('redeliver', { delivery: age, isForeign, keyed }),
  recover: operation('recover', {
    webhook: age,
    isForeign,
    keyed,
    sinceMs: weighted<number>([4, fc.constant(1e9)], [1, fc.constant(1_000)]),
    untilMs: weighted<number>([4, fc.constant(-1)], [1, fc.constant(0)], [1, fc.constant(500)]),
  }),
  recoverStep: operation('recoverStep', {
    recovery: age,
    isForeign,
    limit: fc.constantFrom(3, 1, 2),
  }),
  test: operation('test', { webhook: age, isWell: fc.boolean() }),
  begin: operation('begin', { account, key: fc.nat(2), keepMs: fc.constantFrom(1e9, 1_000) }),
  complete: operation('complete', { account, key: fc.nat(2) }),
  abandon: operation('abandon', { account, key: fc.nat(2) }),
  forget: operation('forget', {}),
  putType: operation('putType', { name: fc.constantFrom(...NAMES), text: fc.nat(3) }),
  deleteType: operation('deleteType', { name: fc.constantFrom(...NAMES) }),
};

const looks = {
  webhook: operation('lookAtWebhook', { webhook: age, isForeign }),
  webhooks: operation('lookAtWebhooks', { account, limit: pageLimit, after: fc.option(age) }),
  due: operation('lookAtDue', {
    webhook: age,
    isStrict: fc.boolean(),
    limit: pageLimit,
    bytesMax: fc.constantFrom(1_000_000, 1, 60),
    inMemory: fc.subarray([0, 1, 2, 3]),
  }),
  sendTimes: operation('lookAtSendTimes', {
    webhook: age,
    sinceMs: fc.nat(100_000),
    limit: pageLimit,
  }),
  pending: operation('lookAtPending', {
    limit: fc.constantFrom(1_000, 1, 2),
    after: fc.option(age),
    counts: fc.boolean(),
    oddShards: fc.boolean(),
  }),
  countPending: operation('lookAtCount', { webhook: age, max: pageLimit }),
  delivery: operation('lookAtDelivery', { delivery: age, isForeign }),
  deliveries: operation('lookAtDeliveries', {
    account,
    webhook: fc.option(age),
    event: fc.option(age, { freq: 2 }),
    status: fc.option(fc.constantFrom('pending' as const, 'failed' as const, 'cancelled' as const)),
    type: fc.option(fc.constantFrom(...TYPES), { freq: 1 }),
    afterMs: fc.option(fc.nat(100_000), { freq: 1 }),
    beforeMs: fc.option(fc.nat(50_000), { freq: 1 }),
    limit: pageLimit,
    after: fc.option(age),
  }),
  events: operation('lookAtEvents', {
    account,
    type: fc.option(fc.constantFrom(...TYPES)),
    afterMs: fc.option(fc.nat(100_000)),
    beforeMs: fc.option(fc.nat(50_000)),
    limit: pageLimit,
    after: fc.option(age),
  }),
  event: operation('lookAtEvent', { event: age, isForeign }),
  stats: operation('lookAtStats', { webhook: age, sinceMs: fc.nat(100_000), isForeign }),
  recovery: operation('lookAtRecovery', { recovery: age, isForeign }),
  types: operation('lookAtTypes', {
    limit: pageLimit,
    after: fc.option(fc.constantFrom(...NAMES)),
  }),
};

const MOST_OFTEN: Partial<Record<keyof typeof writes, number>> = {
  createWebhook: 4,
  publish: 12,
  settle: 14,
  change: 3,
  cancel: 3,
  cancelPending: 2,
  redeliver: 4,
  recover: 3,
  recoverStep: 5,
};

const write: fc.Arbitrary<Write> = fc.oneof(
  ...Object.entries(writes).map(([kind, arbitrary]) => ({
    weight: MOST_OFTEN[kind as keyof typeof writes] ?? 1,
    arbitrary: arbitrary as fc.Arbitrary<Write>,
  })),
);
const look: fc.Arbitrary<Look> = fc.oneof(...(Object.values(looks) as fc.Arbitrary<Look>[]));
const together: fc.Arbitrary<Together> = fc.record({
  kind: fc.constant('together' as const),
  waitMs,
  // One alone is what a shortened run comes to; what is made twice at once is most likely to collide.
  all: weighted(
    [1, fc.array(write, { minLength: 1, maxLength: 3 })],
    [1, write.map((twice) => [twice, twice])],
  ),
});

/** So many at most; as often as not half of that. */
export function operations(max: number): fc.Arbitrary<Operation[]> {
  const any = weighted<Operation>([12, write], [4, look], [2, together]);
  return fc.array(any, { minLength: 1, maxLength: max, size: 'max' });
}

function operation<const Kind extends string, Fields extends object>(
  kind: Kind,
  fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
) {
  const all = { kind: fc.constant(kind), waitMs, ...fields };
  return fc.record(all) as fc.Arbitrary<{ kind: Kind; waitMs: number } & Fields>;
}

function changes() {
  return fc.oneof(
    fc.record({
      status: fc.constantFrom('active' as const, 'paused' as const, 'disabled' as const),
    }),
    fc.record({ events }),
    fc.record({ url: fc.nat(2) }),
    fc.record({ isLimited: fc.boolean() }),
    fc.record({ isStrict: fc.boolean() }),
  );
}

function overlap() {
  return fc.option(fc.constantFrom(1_000, 100_000), { freq: 4 });
}

function weighted<Value>(
  ...choices: readonly [number, fc.Arbitrary<Value>][]
): fc.Arbitrary<Value> {
  const all = choices.map(([weight, arbitrary]) => ({ weight, arbitrary }));
  // What stands first is the simplest.
  return fc.oneof({ withCrossShrink: true }, ...all);
}
