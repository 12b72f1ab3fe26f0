import type { FastifyReply } from 'fastify';
import { PosthornError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { type BucketSize, TokenBuckets } from '../core/token-buckets.ts';
import type { Authenticate, Caller } from './authenticate.ts';
import { isLoopback, networkOf } from './remote-network.ts';
import type { Api } from './routes/context.ts';

/** Requests without a valid key that a remote address may send. A program that has one never meets it. */
export const STRANGERS: BucketSize = { quota: 30, windowMs: 60_000 };
/** Addresses, and keys, that are told apart at a time. */
const STRANGERS_MAX = 10_000;
const KEYS_MAX = 10_000;

export interface CallerPorts {
  authenticate: Authenticate;
  clock: Clock;
  /** Requests per second that each key may send; 0: as many as it likes. */
  requestRate: number;
}

/**
 * Finds out who a request comes from, before its body is read, and bounds how often they may come.
 * Whoever has a valid key is let in wherever others without one come from, so that a neighbour behind
 * the same address does no harm.
 */
export function identifyCallers(api: Api, { authenticate, clock, requestRate }: CallerPorts): void {
  const strangers = new TokenBuckets(clock, STRANGERS, STRANGERS_MAX);
  const keys = new TokenBuckets(clock, { quota: requestRate, windowMs: 1_000 }, KEYS_MAX);

  api.addHook('onRequest', (request, reply, done) => {
    let caller: Caller;
    try {
      caller = authenticate(request.headers.authorization);
    } catch (refusal) {
      // Absent when the connection is gone already.
      const address = request.socket.remoteAddress;
      if (address !== undefined && !isLoopback(address)) {
        take(reply, strangers, networkOf(address), STRANGER_LIMIT);
      }
      throw refusal;
    }
    if (requestRate > 0) take(reply, keys, caller.keyId, KEY_LIMIT);
    request.accountId = caller.accountId;
    done();
  });
}

interface Limit {
  /** As the headers name it. */
  name: string;
  detail: string;
}

const STRANGER_LIMIT: Limit = {
  name: 'unauthorized',
  detail: 'Too many requests without a valid API key came from this address.',
};
const KEY_LIMIT: Limit = {
  name: 'default',
  detail: 'Too many requests came with this API key.',
};

/** Takes a token, and says what is left as draft-ietf-httpapi-ratelimit-headers (08 and later) has it. */
function take(reply: FastifyReply, buckets: TokenBuckets, key: string, limit: Limit): void {
  const { quota, windowMs } = buckets.size;
  const { isTaken, remaining, nextInMs, fullInMs } = buckets.take(key);
  reply.header('RateLimit-Policy', `"${limit.name}";q=${quota};w=${seconds(windowMs)}`);
  reply.header('RateLimit', `"${limit.name}";r=${remaining};t=${seconds(fullInMs)}`);
  if (isTaken) return;
  const retryAfterSeconds = seconds(nextInMs);
  throw new PosthornError('rate_limited', `${limit.detail} Try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  });
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
