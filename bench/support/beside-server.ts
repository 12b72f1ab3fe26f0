// Loaded into the server's process by `--import`, so that the server never outlives the harness and
// can be asked what it used. It changes nothing about the server.
import { isMainThread } from 'node:worker_threads';
import { answerCalls } from './calls.ts';

if (isMainThread && process.send !== undefined) {
  answerCalls({});
  process.channel?.unref();
}
