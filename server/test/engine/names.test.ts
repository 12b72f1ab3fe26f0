import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Names, type Resolved } from '../../src/engine/names.ts';
import { systemLookUp } from '../../src/platform/look-ups.ts';
import { createFakeClock, settled } from './support/fake-clock.ts';

const SECOND = 1_000;
const FOUND = [{ address: '192.0.2.1', family: 4 }];

describe('a name', () => {
  test('is looked up once for all who ask meanwhile, and not again for 30 s', async () => {
    const { names, clock, asked, answer } = openNames();
    const told = [ask(names, 'a.example'), ask(names, 'a.example')];
    await settled();
    assert.deepEqual(asked, ['a.example']);
    answer('a.example');
    assert.deepEqual(await Promise.all(told), ['192.0.2.1', '192.0.2.1']);
    await clock.advance(30 * SECOND - 1);
    assert.equal(await ask(names, 'a.example'), '192.0.2.1');
    assert.equal(asked.length, 1);
    await clock.advance(1);
    const again = ask(names, 'a.example');
    answer('a.example');
    await again;
    assert.equal(asked.length, 2);
  });

  test('that does not resolve is not looked up again for 5 s', async () => {
    const { names, clock, asked, refuse } = openNames();
    const told = ask(names, 'dead.example');
    refuse('dead.example', 'ENOTFOUND');
    assert.equal(await told, 'ENOTFOUND');
    await clock.advance(5 * SECOND - 1);
    assert.equal(await ask(names, 'dead.example'), 'ENOTFOUND');
    assert.equal(asked.length, 1);
    await clock.advance(1);
    void ask(names, 'dead.example');
    assert.equal(asked.length, 2);
  });

  test('that takes longer than 5 s does not resolve; what comes later is kept', async () => {
    const { names, clock, asked, answer } = openNames();
    const told = ask(names, 'slow.example');
    await clock.advance(5 * SECOND);
    assert.equal(await told, 'EAI_AGAIN');
    assert.equal(await ask(names, 'slow.example'), 'EAI_AGAIN');
    answer('slow.example');
    assert.equal(await ask(names, 'slow.example'), '192.0.2.1');
    assert.equal(asked.length, 1);
  });

  test('says nothing of itself when this machine was short of something', async () => {
    const { names, asked, refuse, answer } = openNames();
    const told = ask(names, 'a.example');
    refuse('a.example', 'EMFILE');
    assert.equal(await told, 'EMFILE');
    const again = ask(names, 'a.example');
    answer('a.example');
    assert.equal(await again, '192.0.2.1');
    assert.equal(asked.length, 2);
  });

  test('is resolved as the system does it', async () => {
    const clock = createFakeClock();
    const names = new Names({ lookUp: systemLookUp, clock }, { lookUpsMax: 2 });
    assert.match(await ask(names, 'localhost'), /^(127\.0\.0\.1|::1)$/);
    assert.equal(await ask(names, '127.0.0.1'), '127.0.0.1');
    assert.equal(clock.timers, 0);
  });
});

describe('names that hang', () => {
  test('do not delay a new one while there are fewer than slots for them', async () => {
    const { names, answer } = openNames({ lookUpsMax: 128 });
    for (let index = 0; index < 100; index++) void ask(names, `a.dead${index}.example`);
    const live = ask(names, 'live.test');
    answer('live.test');
    assert.equal(await live, '192.0.2.1');
  });

  test('never delay one that resolved the last time, however many they are', async () => {
    const { names, clock, asked, answer } = openNames({ lookUpsMax: 8 });
    const first = ask(names, 'live.test');
    answer('live.test');
    await first;
    await clock.advance(31 * SECOND);
    for (let index = 0; index < 1_000; index++) void ask(names, `a.dead${index}.example`);
    const before = asked.length;
    assert.equal(before, 1 + 7);
    const live = ask(names, 'live.test');
    answer('live.test');
    assert.equal(await live, '192.0.2.1');
  });

  test('wait behind new ones when they hung before', async () => {
    const { names, clock, asked, answer, refuse } = openNames({ lookUpsMax: 8 });
    const dead = Array.from({ length: 7 }, (_, index) => `a.dead${index}.example`);
    for (const name of dead) void ask(names, name);
    await clock.advance(5 * SECOND);
    for (const name of dead) refuse(name, 'EAI_AGAIN');
    await clock.advance(5 * SECOND);
    for (const name of dead) void ask(names, name);
    // Of seven slots three are for those that failed.
    assert.equal(asked.length, 7 + 3);
    const live = ask(names, 'new.test');
    answer('new.test');
    assert.equal(await live, '192.0.2.1');
  });

  test('hold one of the two slots of their domain: the other is for a name that resolved', async () => {
    const { names, clock, asked, answer } = openNames({ lookUpsMax: 32 });
    const first = ask(names, 'live.shared.example');
    answer('live.shared.example');
    await first;
    await clock.advance(31 * SECOND);
    for (let index = 0; index < 20; index++) void ask(names, `dead${index}.shared.example`);
    assert.equal(asked.length, 1 + 1);
    const live = ask(names, 'live.shared.example');
    answer('live.shared.example');
    assert.equal(await live, '192.0.2.1');
  });

  test('give their slots up when they end, in the order in which they were asked for', async () => {
    const { names, asked, answer } = openNames({ lookUpsMax: 2 });
    const told = ['a.one.test', 'b.one.test', 'c.two.test'].map((name) => ask(names, name));
    assert.deepEqual(asked, ['a.one.test']);
    answer('a.one.test');
    answer('b.one.test');
    answer('c.two.test');
    assert.deepEqual(asked, ['a.one.test', 'b.one.test', 'c.two.test']);
    assert.equal((await Promise.all(told)).length, 3);
  });

  test('that nobody waits for any more are not looked up', async () => {
    const { names, clock, asked, answer } = openNames({ lookUpsMax: 2 });
    for (const name of ['a.one.test', 'b.one.test', 'c.two.test']) void ask(names, name);
    await clock.advance(5 * SECOND);
    answer('a.one.test');
    assert.deepEqual(asked, ['a.one.test']);
    await clock.advance(5 * SECOND);
    const told = ask(names, 'b.one.test');
    answer('b.one.test');
    assert.equal(await told, '192.0.2.1');
  });

  test('are told so when ten thousand wait already', async () => {
    const { names } = openNames();
    for (let index = 0; index < 10_000; index++) void ask(names, `a.dead${index}.example`);
    assert.equal(await ask(names, 'one.more.test'), 'EAI_AGAIN');
    assert.equal(names.size, 10_000);
  });
});

test('names used least recently are forgotten beyond ten thousand', async () => {
  const { names, asked } = openNames({ answersAtOnce: true });
  for (let index = 0; index < 10_500; index++) await ask(names, `name${index}.example`);
  assert.equal(names.size, 10_000);
  await ask(names, 'name10499.example');
  assert.equal(asked.length, 10_500);
  await ask(names, 'name0.example');
  assert.equal(asked.length, 10_501);
});

function openNames({ lookUpsMax = 4, answersAtOnce = false } = {}) {
  const clock = createFakeClock();
  const asked: string[] = [];
  const open = new Map<string, Resolved>();
  const lookUp = (hostname: string, resolved: Resolved) => {
    asked.push(hostname);
    if (answersAtOnce) queueMicrotask(() => resolved(null, FOUND));
    else open.set(hostname, resolved);
  };
  const take = (hostname: string): Resolved => {
    const resolved = open.get(hostname);
    assert.ok(resolved, `${hostname} is not being looked up`);
    open.delete(hostname);
    return resolved;
  };
  return {
    names: new Names({ lookUp, clock }, { lookUpsMax }),
    clock,
    asked,
    answer: (hostname: string) => take(hostname)(null, FOUND),
    refuse: (hostname: string, code: string) =>
      take(hostname)(Object.assign(new Error(code), { code }), []),
  };
}

/** The first address, or the code of the error. */
function ask(names: Names, hostname: string): Promise<string> {
  return new Promise((resolve) => {
    names.resolve(hostname, (error, [first]) => {
      resolve(
        error === null ? (first?.address ?? 'none') : ((error as { code?: string }).code ?? ''),
      );
    });
  });
}
