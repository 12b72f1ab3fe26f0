// The store on a real server, with the two usual clients' way to send a command. Skipped, loudly,
// where there is no redis-server; in CI it has to be there.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { type RedisSend, redisStore } from '../../src/stores/redis.ts';
import { storeContract } from './contract.ts';

const server = process.env.REDIS_SERVER ?? 'redis-server';
const isThere = spawnSync(server, ['--version']).status === 0;

if (!isThere) {
  test('the store in Redis', (t) => {
    if (process.env.CI) assert.fail('redis-server is missing');
    t.skip('redis-server is missing');
  });
} else {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-redis-'));
  const socket = join(directory, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socket, '--dir', directory, '--save', ''];
  const child = spawn(server, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  let redis: Redis;
  let opened = 0;

  before(async () => {
    for await (const line of child.stdout.setEncoding('utf8')) {
      if (String(line).includes('accept connections')) break;
    }
    redis = new Redis(socket);
  });

  after(async () => {
    redis.disconnect();
    if (child.exitCode === null) {
      child.kill();
      await once(child, 'exit');
    }
    rmSync(directory, { recursive: true, force: true });
  });

  const send: RedisSend = ([name = '', ...args]) => redis.call(name, ...args);

  storeContract('Redis', () => {
    const prefix = `test-${++opened}:`;
    return {
      store: redisStore(send, { prefix }),
      async elapse(ms: number) {
        for (const key of await redis.keys(`${prefix}*`)) {
          await redis.pexpire(key, Math.max(0, (await redis.pttl(key)) - ms));
        }
      },
    };
  });

  test('no key in Redis is without an end', async () => {
    const store = redisStore(send, { prefix: 'ends:' });
    await store.claim('evt_1', 'one', 60_000);
    await store.commit('evt_2', 'one', 60_000);
    for (const key of await redis.keys('ends:*')) assert.ok((await redis.pttl(key)) > 0);
  });
}
