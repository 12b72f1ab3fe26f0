import { lockDataFile } from '../../../src/store/sqlite/lock.ts';

// A process that locks the data file it is told, says so, and lives until it is killed.
const [path = ''] = process.argv.slice(2);
lockDataFile(path);
console.log('locked');
process.stdin.resume();
