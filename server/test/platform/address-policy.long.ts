import { test } from 'node:test';
import { seeded } from '../core/support/seeded.ts';
import { judgeRandom } from './support/judge-random.ts';

test('a million random addresses are judged as the tables say, in every spelling', (t) => {
  judgeRandom(seeded(t), 1_000_000);
});
