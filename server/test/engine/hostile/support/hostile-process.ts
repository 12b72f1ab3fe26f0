// All hostile receivers in a process of their own, so that what they do costs the sender nothing but
// what it lets them.

import { KINDS } from './kinds.ts';
import { startRawReceiver } from './raw-receiver.ts';

const urls: string[] = [];
for (const { behave } of KINDS) {
  const receiver = await startRawReceiver({ after: () => {} }, behave);
  urls.push(receiver.url.href);
}
process.on('disconnect', () => process.exit(0));
process.send?.(urls);
