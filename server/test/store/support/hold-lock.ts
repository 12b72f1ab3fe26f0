import { lockDataFile } from '../../../src/store/sqlite/lock.ts';

// A process that locks the data file it is told, says so, and lives until it is killed. It keeps no
// handle: a lock must not go when the memory of a forgotten one is collected (`--expose-gc`).
const [path = ''] = process.argv.slice(2);
lockDataFile(path);
await new Promise(setImmediate);
globalThis.gc?.();
console.log('locked');
process.stdin.resume();
