// Verifies, puts the event into Redis, answers, and works it off afterwards: see README.md.
import { Queue, Worker } from 'bullmq';
import { fastify } from 'fastify';
import { eventOf, handle } from './handle.ts';
import { log } from './log.ts';
import { isDocumented, isStandard } from './verify.ts';

const { WEBHOOK_SECRET = '', PORT = '3000', REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;
const secrets = WEBHOOK_SECRET.split(' ').filter((secret) => secret !== '');
if (secrets.length === 0) throw new Error('WEBHOOK_SECRET is not set.');

const QUEUE = 'webhooks';
const RETRY_MS_MAX = 3_600_000;
const connection = { url: REDIS_URL };
const queue = new Queue<string>(QUEUE, {
  // Without Redis a request is to fail, not to wait: its sender comes again.
  connection: { ...connection, enableOfflineQueue: false, commandTimeout: 2_000 },
  defaultJobOptions: {
    attempts: 1_000_000,
    backoff: { type: 'custom' },
    // A job that is kept is what tells a duplicate; longer than the sender tries.
    removeOnComplete: { age: 7 * 24 * 3_600 },
  },
});
queue.on('error', (error) => log('queue failed', { error: error.message }));
await queue.waitUntilReady();

if (process.env.WORKER !== 'off') {
  const worker = new Worker<string>(QUEUE, (job) => handle(Buffer.from(job.data, 'base64')), {
    connection,
    // Due again after 1 s, 2 s, 4 s … up to an hour.
    settings: {
      backoffStrategy: (failures) => Math.min(1_000 * 2 ** (failures - 1), RETRY_MS_MAX),
    },
  });
  worker.on('error', (error) => log('worker failed', { error: error.message }));
  worker.on('completed', (job) => log('done', { event_id: job.id }));
  worker.on('failed', (job, error) => log('failed', { event_id: job?.id, error: error.message }));
}

const app = fastify({ bodyLimit: 1_048_576 });
// The bytes as they came: written again from parsed JSON they may be others.
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
for (const [path, isGenuine] of [
  ['/webhooks', isStandard],
  ['/webhooks/documented', isDocumented],
] as const) {
  app.post<{ Body: Buffer | undefined }>(path, async (request, reply) => {
    const body = request.body ?? Buffer.alloc(0);
    if (!isGenuine(body, request.headers, secrets)) {
      log('refused', { path });
      return reply.code(401).send('Invalid signature');
    }
    return reply.code(await enqueue(body)).send('');
  });
}

/** Only what is queued is answered 200; the sender keeps all else and comes again. */
async function enqueue(body: Buffer): Promise<number> {
  const event = eventOf(body);
  if (event === undefined) return 400;
  const { id, type } = event;
  try {
    const known = await queue.getJob(id);
    // It is the job's id that lets no event in twice.
    await queue.add(type, body.toString('base64'), { jobId: id });
    // Given up, as after two workers have died of it: who sends it again wants it tried again.
    const isGivenUp = known !== undefined && (await known.isFailed());
    if (isGivenUp) await known.retry();
    log(known === undefined || isGivenUp ? 'queued' : 'duplicate', { event_id: id });
    return 200;
  } catch (error) {
    log('queue failed', { event_id: id, error: String(error) });
    return 503;
  }
}

console.log(`listening on ${await app.listen({ port: Number(PORT), host: '127.0.0.1' })}`);
