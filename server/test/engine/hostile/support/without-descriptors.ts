// A process of its own, started with few descriptors: uses up all of them, sends, frees them, sends.
import { closeSync, openSync } from 'node:fs';
import { openTransport } from './open-transport.ts';
import { answering, startRawReceiver } from './raw-receiver.ts';

const undo: (() => unknown)[] = [];
const cleanup = { after: (one: () => unknown) => undo.push(one) };
const receiver = await startRawReceiver(
  cleanup,
  answering('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
);
const transport = openTransport(cleanup);

const held: number[] = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch (error) {
  if ((error as { code?: string }).code !== 'EMFILE') throw error;
}
const kinds = [];
for (let count = 0; count < 2; count++) kinds.push((await transport.send(receiver.url)).kind);
for (const descriptor of held) closeSync(descriptor);
kinds.push((await transport.send(receiver.url)).kind);
console.log(JSON.stringify(kinds));
for (const one of undo.reverse()) await one();
