// Verifies, puts the event on the disk, answers, and works it off afterwards: see README.md.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { eventOf, handle } from './handle.ts';
import { log } from './log.ts';
import { EventQueue } from './queue.ts';
import { isDocumented, isStandard } from './verify.ts';

const { WEBHOOK_SECRET = '', PORT = '3000', QUEUE_FILE = 'events.sqlite', WORKER } = process.env;
const secrets = WEBHOOK_SECRET.split(' ').filter((secret) => secret !== '');
if (secrets.length === 0) throw new Error('WEBHOOK_SECRET is not set.');

const queue = new EventQueue(QUEUE_FILE);
const app = express();
// The bytes as they came: written again from parsed JSON they may be others.
app.use(express.raw({ type: () => true, limit: 1_048_576 }));
for (const [path, isGenuine] of [
  ['/webhooks', isStandard],
  ['/webhooks/documented', isDocumented],
] as const) {
  app.post(path, (request, response) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!isGenuine(body, request.headers, secrets)) {
      log('refused', { path });
      response.status(401).send('Invalid signature');
      return;
    }
    response.status(enqueue(body)).send('');
  });
}

/** Only what is stored is answered 200; the sender keeps all else and comes again. */
function enqueue(body: Buffer): number {
  const event = eventOf(body);
  if (event === undefined) return 400;
  const { id } = event;
  try {
    log(queue.add(id, body), { event_id: id });
  } catch (error) {
    log('queue failed', { event_id: id, error: String(error) });
    return 503;
  }
  if (WORKER !== 'off') setImmediate(() => void work());
  return 200;
}

let isWorking = false;

/** One event after the other; what comes meanwhile is found by whoever is at work. */
async function work(): Promise<void> {
  if (isWorking) return;
  isWorking = true;
  try {
    for (let row = queue.next(); row !== undefined; row = queue.next()) await handleOne(row);
  } catch (error) {
    log('queue failed', { error: String(error) });
  } finally {
    isWorking = false;
  }
}

async function handleOne({ id, body }: { id: string; body: Uint8Array }): Promise<void> {
  try {
    await handle(Buffer.from(body));
  } catch (error) {
    log('failed', { event_id: id, error: String(error) });
    queue.postpone(id);
    return;
  }
  queue.markHandled(id);
  log('done', { event_id: id });
}

if (WORKER !== 'off') {
  void work();
  setInterval(() => void work(), 1_000);
  setInterval(() => queue.forgetOld(), 3_600_000);
}
const server = app.listen(Number(PORT), '127.0.0.1');
server.once('listening', () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
