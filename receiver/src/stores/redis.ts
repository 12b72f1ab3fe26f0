import type { EventStore } from './store.ts';

/**
 * Sends one command and resolves to the reply as text or number. With ioredis:
 * `([name = '', ...args]) => redis.call(name, ...args)`; with node-redis:
 * `(command) => client.sendCommand([...command])`.
 */
export type RedisSend = (command: readonly string[]) => Promise<unknown>;

const DONE = 'done';

/** Deletes a claim only if it is still one's own: between a look and a deletion it may run out. */
const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0`;

/**
 * For all processes that share a Redis (2.6.12 or newer, or Valkey). One key per event, which Redis
 * removes by itself. Take a Redis that does not evict (`noeviction`): an evicted key is a repetition
 * that is not known.
 */
export function redisStore(
  send: RedisSend,
  { prefix = 'webhook-event:' }: { prefix?: string } = {},
): EventStore {
  return {
    async claim(id, token, leaseMs) {
      const key = prefix + id;
      const claimed = await send(['set', key, token, 'nx', 'px', String(leaseMs)]);
      if (claimed !== null) return { outcome: 'claimed' };
      if ((await send(['get', key])) === DONE) return { outcome: 'done' };
      // Negative when it has run out meanwhile.
      const leftMs = Number(await send(['pttl', key]));
      return { outcome: 'busy', freeInMs: Math.max(0, leftMs) };
    },
    async commit(id, _token, keepMs) {
      await send(['set', prefix + id, DONE, 'px', String(keepMs)]);
    },
    async release(id, token) {
      await send(['eval', RELEASE, '1', prefix + id, token]);
    },
  };
}
