import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  createReceiver,
  type EventStore,
  type Failure,
  memoryStore,
  type ReceiverOptions,
  type StandardSchema,
  type WebhookEvent,
} from '../src/index.ts';
import { SECRET, signed } from './signed.ts';

interface Events {
  'user.created': { id: string; name: string };
  'user.deleted': { id: string };
  'team.member.added': { id: string };
}

describe('handlers', () => {
  const patterns: readonly [type: string, called: string[]][] = [
    ['user.created', ['user.created', 'user.*', '*']],
    ['user.deleted', ['user.*', '*']],
    ['team.member.added', ['team.*', 'team.member.*', '*']],
    ['user', ['*']],
    ['user2.created', ['*']],
    ['project.created', ['*']],
  ];
  for (const [type, expected] of patterns) {
    test(`of ${expected.join(', ')} are called in turn for ${type}`, async () => {
      const called: string[] = [];
      const receiver = createReceiver({ secrets: SECRET });
      for (const pattern of ['user.created', 'user.*', 'team.*', 'team.member.*', '*']) {
        receiver.on(pattern, async () => {
          await turn();
          called.push(pattern);
        });
      }
      assert.equal((await receiver.receive(signed({ type }))).status, 200);
      assert.deepEqual(called, expected);
    });
  }

  test('get the whole event', async () => {
    const received = Promise.withResolvers<WebhookEvent>();
    const receiver = createReceiver({ secrets: SECRET }).on('*', received.resolve);
    const request = signed({ type: 'user.created', data: { id: 'usr_1', n: 1.5 } });
    await receiver.receive(request);
    assert.deepEqual(await received.promise, JSON.parse(request.body));
  });

  test('are typed by the map of events', async () => {
    const receiver = createReceiver<Events>({ secrets: SECRET });
    receiver.on('user.created', (event) => event.data.name satisfies string);
    receiver.on('user.*', (event) => event.type satisfies 'user.created' | 'user.deleted');
    receiver.on('team.member.*', (event) => event.type satisfies 'team.member.added');
    receiver.on('*', (event) => {
      if (event.type === 'user.created') event.data.name satisfies string;
    });
    // @ts-expect-error: no such type is in the map.
    receiver.on('user.creatd', () => {});
    // @ts-expect-error: no type of the map is in this family.
    receiver.on('project.*', () => {});
    // @ts-expect-error: other events of the family have no name.
    receiver.on('user.*', (event) => event.data.name);
  });

  test('are not missed by an event that no pattern fits: it is answered 200', async () => {
    const receiver = createReceiver({ secrets: SECRET }).on('user.*', mustNotBeCalled);
    const answer = await receiver.receive(signed({ type: 'team.created' }));
    assert.deepEqual([answer.status, answer.body], [200, 'OK, not handled']);
  });

  test('for events that no pattern fits are called for no other', async () => {
    const unhandled: string[] = [];
    const receiver = createReceiver({ secrets: SECRET })
      .on('user.*', () => {})
      .onUnhandled(({ type }) => unhandled.push(type));
    await receiver.receive(signed({ type: 'user.created' }));
    await receiver.receive(signed({ id: 'evt_2', type: 'team.created' }));
    assert.deepEqual(unhandled, ['team.created']);
  });
});

describe('a request that is not genuine', () => {
  test('is answered as verify says, and told without a handler being called', async () => {
    const { receiver, failures } = watched({ secrets: 'another_webhook_secret' });
    receiver.on('*', mustNotBeCalled);
    const answer = await receiver.receive(signed({}));
    assert.equal(answer.status, 401);
    assert.match(answer.body, /^signature_mismatch: /);
    assert.deepEqual(failures(), ['verify: signature_mismatch']);
  });

  test('is not answered with what is wrong with the set-up', async () => {
    const secrets = () => ' with_white_space_around ';
    const { receiver, failures } = watched({ secrets });
    const answer = await receiver.receive(signed({}));
    assert.deepEqual([answer.status, answer.body], [500, 'secret_malformed']);
    assert.deepEqual(failures(), ['verify: secret_malformed']);
  });

  test('whose body was parsed throws what to do', async () => {
    const { receiver } = watched({});
    const body = {} as unknown as string;
    await assert.rejects(receiver.receive({ ...signed({}), body }), {
      code: 'body_already_parsed',
      message: /raw body/,
    });
  });
});

describe('secrets', () => {
  test('that are missing or malformed throw when the receiver is made', () => {
    assert.throws(() => createReceiver({ secrets: undefined }), { code: 'secret_missing' });
    assert.throws(() => createReceiver({ secrets: 'short' }), { code: 'secret_malformed' });
  });

  test('may be asked for at each request', async () => {
    let secrets = 'another_webhook_secret';
    const { receiver } = watched({ secrets: async () => secrets });
    receiver.on('*', () => {});
    assert.equal((await receiver.receive(signed({}))).status, 401);
    secrets = SECRET;
    assert.equal((await receiver.receive(signed({}))).status, 200);
  });

  test('that cannot be had are answered 500 and told', async () => {
    const { receiver, failures } = watched({ secrets: () => Promise.reject(new Error('vault')) });
    assert.equal((await receiver.receive(signed({}))).status, 500);
    assert.deepEqual(failures(), ['verify: vault']);
  });
});

describe('a repetition', () => {
  test('of an event that was handled is answered 200 and not handled', async () => {
    let times = 0;
    const receiver = createReceiver({ secrets: SECRET }).on('*', () => times++);
    const answers = [await receiver.receive(signed({})), await receiver.receive(signed({}))];
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body]),
      [
        [200, 'OK'],
        [200, 'OK, already handled'],
      ],
    );
    assert.equal(times, 1);
  });

  test('of an event that is being handled is answered 409 with Retry-After', async () => {
    const gate = Promise.withResolvers<void>();
    const receiver = createReceiver({ secrets: SECRET, leaseMs: 30_000 });
    receiver.on('*', () => gate.promise);
    const first = receiver.receive(signed({}));
    const second = await receiver.receive(signed({}));
    assert.deepEqual([second.status, second.headers['retry-after']], [409, '30']);
    gate.resolve();
    assert.equal((await first).status, 200);
  });

  test('of an event whose handler failed is handled', async () => {
    let times = 0;
    const { receiver } = watched({});
    receiver.on('*', () => {
      times++;
      if (times === 1) throw new Error('first');
    });
    const answers = [await receiver.receive(signed({})), await receiver.receive(signed({}))];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [500, 200],
    );
    assert.equal(times, 2);
  });

  test('of an event whose process died is handled after the lease', async () => {
    let nowMs = Date.now();
    const store = memoryStore({ now: () => nowMs });
    const dead = createReceiver({ secrets: SECRET, store, leaseMs: 60_000 });
    dead.on('*', () => new Promise(() => {}));
    void dead.receive(signed({}));
    await turn();
    const living = createReceiver({ secrets: SECRET, store }).on('*', () => {});
    assert.equal((await living.receive(signed({}))).status, 409);
    nowMs += 60_000;
    assert.deepEqual((await living.receive(signed({}))).body, 'OK');
  });

  test('is handled when nothing is to be remembered', async () => {
    let times = 0;
    const receiver = createReceiver({ secrets: SECRET, store: null }).on('*', () => times++);
    await receiver.receive(signed({}));
    await receiver.receive(signed({}));
    assert.equal(times, 2);
  });
});

describe('a handler that throws', () => {
  test('is told with its event, answered 500, and stops those after it', async () => {
    const { receiver, failures } = watched({});
    receiver.on('*', () => Promise.reject(new Error('no disk'))).on('*', mustNotBeCalled);
    const answer = await receiver.receive(signed({ id: 'evt_1' }));
    assert.deepEqual([answer.status, answer.body], [500, 'the handler failed']);
    assert.deepEqual(failures(), ['handler of evt_1: no disk']);
  });

  test('is told to the console when nobody listens, without the data', async (t) => {
    const lines: string[] = [];
    t.mock.method(console, 'error', (...parts: unknown[]) => lines.push(parts.join(' ')));
    const receiver = createReceiver({ secrets: SECRET }).on('*', () => {
      throw new Error('no disk');
    });
    await receiver.receive(signed({ id: 'evt_1', data: { card: '4111' } }));
    assert.deepEqual(lines, [
      'Webhook failed during handler of user.created evt_1: Error: no disk',
    ]);
  });

  test('is told to the console when the listener fails too', async (t) => {
    const lines: string[] = [];
    t.mock.method(console, 'error', (...parts: unknown[]) => lines.push(parts.join(' ')));
    const receiver = createReceiver({ secrets: SECRET })
      .on('*', () => Promise.reject(new Error('no disk')))
      .onError(() => Promise.reject(new Error('no log')));
    assert.equal((await receiver.receive(signed({}))).status, 500);
    assert.match(lines.join('\n'), /no disk(.|\n)*no log/);
  });
});

describe('a handler that is slow', () => {
  test('is waited for unless something else is said', async () => {
    const gate = Promise.withResolvers<void>();
    const { receiver } = watched({});
    receiver.on('*', () => gate.promise);
    const answered = receiver.receive(signed({}));
    assert.equal(await Promise.race([answered, turn('waiting')]), 'waiting');
    gate.resolve();
    assert.equal((await answered).status, 200);
  });

  test('is answered for with 202, goes on, and its event is done at the end', async () => {
    const gate = Promise.withResolvers<void>();
    const { receiver, failures } = watched({ ackAfterMs: 1 });
    receiver.on('*', () => gate.promise);
    assert.equal((await receiver.receive(signed({}))).status, 202);
    assert.equal((await receiver.receive(signed({}))).status, 409);
    gate.resolve();
    await receiver.idle();
    assert.equal((await receiver.receive(signed({}))).body, 'OK, already handled');
    assert.deepEqual(failures(), []);
  });

  test('that fails behind a 202 is told as acknowledged, and its event is free again', async () => {
    const gate = Promise.withResolvers<void>();
    const { receiver, failures } = watched({ ackAfterMs: 1 });
    let times = 0;
    receiver.on('*', () => (times++ === 0 ? gate.promise : undefined));
    assert.equal((await receiver.receive(signed({ id: 'evt_1' }))).status, 202);
    gate.reject(new Error('no disk'));
    await receiver.idle();
    assert.deepEqual(failures(), ['handler of evt_1, acknowledged: no disk']);
    assert.equal((await receiver.receive(signed({ id: 'evt_1' }))).body, 'OK');
  });

  test('is waited for by idle, also when its event was still being claimed', async () => {
    const [claimed, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const store = failing({ claim: () => claimed.promise.then(() => ({ outcome: 'claimed' })) });
    const { receiver } = watched({ store });
    let isIdle = false;
    receiver.on('*', () => gate.promise);
    const answered = receiver.receive(signed({}));
    await turn();
    const idle = receiver.idle().then(() => {
      isIdle = true;
    });
    claimed.resolve();
    await turn();
    assert.equal(isIdle, false);
    gate.resolve();
    await Promise.all([answered, idle]);
  });

  test('keeps the runtime alive where it has to be asked to', async () => {
    const gate = Promise.withResolvers<void>();
    const { receiver } = watched({ ackAfterMs: 1 });
    receiver.on('*', () => gate.promise);
    const kept: Promise<unknown>[] = [];
    await receiver.receive(signed({}), { waitUntil: (work) => kept.push(work) });
    gate.resolve();
    assert.equal(kept.length, 1);
    await kept[0];
    assert.equal((await receiver.receive(signed({}))).body, 'OK, already handled');
  });

  test('is waited for where nothing goes on after the answer', async () => {
    const gate = Promise.withResolvers<void>();
    const { receiver } = watched({ ackAfterMs: 0 });
    receiver.on('*', async () => {
      setTimeout(gate.resolve, 5);
      await gate.promise;
    });
    assert.equal((await receiver.receive(signed({}), { canGoOn: false })).status, 200);
  });

  test('is never answered for before its event is claimed', async () => {
    const claimed = Promise.withResolvers<void>();
    const store = failing({ claim: () => claimed.promise.then(() => ({ outcome: 'claimed' })) });
    const { receiver } = watched({ ackAfterMs: 0, store });
    receiver.on('*', () => {});
    const answered = receiver.receive(signed({}));
    const late = new Promise((resolve) => setTimeout(resolve, 5, 'waiting'));
    assert.equal(await Promise.race([answered, late]), 'waiting');
    claimed.reject(new Error('no store'));
    assert.equal((await answered).status, 503);
  });
});

describe('a store that fails', () => {
  const fails = () => Promise.reject(new Error('no store'));

  test('at a claim is answered 503 with Retry-After, and nothing is handled', async () => {
    const { receiver, failures } = watched({ store: failing({ claim: fails }) });
    receiver.on('*', mustNotBeCalled);
    const answer = await receiver.receive(signed({ id: 'evt_1' }));
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '10']);
    assert.deepEqual(failures(), ['claim of evt_1: no store']);
  });

  test('at a commit is told, and the event was handled all the same', async () => {
    const { receiver, failures } = watched({ store: failing({ commit: fails }) });
    receiver.on('*', () => {});
    assert.equal((await receiver.receive(signed({ id: 'evt_1' }))).status, 200);
    assert.deepEqual(failures(), ['commit of evt_1: no store']);
  });

  test('at a release is told beside what the handler threw', async () => {
    const { receiver, failures } = watched({ store: failing({ release: fails }) });
    receiver.on('*', () => Promise.reject(new Error('no disk')));
    assert.equal((await receiver.receive(signed({ id: 'evt_1' }))).status, 500);
    assert.deepEqual(failures(), ['release of evt_1: no store', 'handler of evt_1: no disk']);
  });
});

describe('more events at once than a receiver takes', () => {
  test('are answered 503 with Retry-After until one has ended', async () => {
    const gate = Promise.withResolvers<void>();
    const { receiver } = watched({ inProgressMax: 1 });
    receiver.on('*', () => gate.promise);
    const first = receiver.receive(signed({ id: 'evt_1' }));
    await turn();
    const second = await receiver.receive(signed({ id: 'evt_2' }));
    assert.deepEqual([second.status, second.headers['retry-after']], [503, '1']);
    gate.resolve();
    await first;
    assert.equal((await receiver.receive(signed({ id: 'evt_2' }))).status, 200);
  });
});

describe('a schema', () => {
  const named: StandardSchema<{ name: string }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      async validate(value) {
        const { name } = value as { name?: unknown };
        if (typeof name === 'string') return { value: { name: name.trim() } };
        return { issues: [{ message: 'must be text', path: ['name', { key: 0 }] }] };
      },
    },
  };

  test('gives handlers what it makes of the data, and its type', async () => {
    const names: string[] = [];
    const receiver = createReceiver({ secrets: SECRET, schemas: { 'user.created': named } });
    receiver.on('user.created', ({ data }) => names.push(data.name satisfies string));
    await receiver.receive(signed({ type: 'user.created', data: { name: ' Zoë ' } }));
    assert.deepEqual(names, ['Zoë']);
  });

  test('that does not fit is answered 422, told, and the event may come again', async () => {
    const { receiver, failures } = watched({ schemas: { 'user.created': named } });
    receiver.on('user.created', mustNotBeCalled);
    const request = signed({ id: 'evt_1', type: 'user.created', data: { name: 1 } });
    const answer = await receiver.receive(request);
    const message =
      'The data of user.created does not fit its schema (1): data.name.0: must be text';
    assert.deepEqual([answer.status, answer.body], [422, message]);
    assert.deepEqual(failures(), [`schema of evt_1: ${message}`]);
    assert.equal((await receiver.receive(request)).status, 422);
  });

  test('is not looked for among what objects have by themselves', async () => {
    const receiver = createReceiver({ secrets: SECRET, schemas: {} }).onUnhandled(() => {});
    assert.equal((await receiver.receive(signed({ type: 'constructor' }))).status, 200);
  });
});

function mustNotBeCalled(): never {
  return assert.fail('a handler was called');
}

/** A receiver, and what it told of, as `during of event: message`. */
function watched(options: Partial<ReceiverOptions<Record<string, unknown>>>) {
  const told: string[] = [];
  const receiver = createReceiver<Record<string, unknown>>({ secrets: SECRET, ...options });
  receiver.onError((error, { during, event, acknowledged }: Failure) => {
    const { code, message } = error as { code?: string; message: string };
    const which = event === undefined ? '' : ` of ${event.id}`;
    told.push(`${during}${which}${acknowledged ? ', acknowledged' : ''}: ${code ?? message}`);
  });
  return { receiver, failures: () => told };
}

/** A store in memory of which a part is replaced. */
function failing(part: Partial<EventStore>): EventStore {
  return { ...memoryStore(), ...part };
}
