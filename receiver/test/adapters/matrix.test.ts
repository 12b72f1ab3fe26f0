// Every adapter in its real framework, over a real socket where it has one. Next.js has to be built
// first, and is in next.test.ts.
import { testAdapter } from './matrix.ts';
import { adapters } from './running.ts';

for (const adapter of adapters) testAdapter(adapter);
