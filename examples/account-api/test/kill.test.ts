import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from '../../../server/test/support/until.ts';
import { openDatabase } from '../database.ts';
import { waitingRows } from '../outbox.ts';
import { created, untilAllSent } from './support/account.ts';
import { DATABASES } from './support/databases.ts';
import { startHoldingProxy } from './support/holding-proxy.ts';
import { startPosthorn, startReceiving } from './support/posthorn.ts';
import { startProgram } from './support/program.ts';

for (const which of DATABASES) {
  test(`killed between publishing and marking on ${which.name}, it sends the row again and there is one event`, async (t) => {
    const posthorn = await startPosthorn(t);
    const receiving = await startReceiving(t, posthorn);
    const databaseUrl = await which.url(t);
    const environment = { ACCOUNT_DATABASE_URL: databaseUrl, POSTHORN_API_KEY: posthorn.key };
    const proxy = await startHoldingProxy(t, posthorn.url);

    const first = await startProgram(t, { ...environment, POSTHORN_URL: proxy.url });
    const project = await created(first.url, '/projects', { name: 'Apollo' });
    assert.equal(await within('Posthorn has answered', proxy.answered), 202);
    first.process.killGroup('SIGKILL');
    await first.process.end();

    const database = await openDatabase(databaseUrl);
    const left = await waitingRows(database, 10);
    await database.close();
    assert.deepEqual(
      left.map(({ type }) => type),
      ['project.created'],
    );
    assert.equal((await posthorn.events()).length, 1);

    const second = await startProgram(t, { ...environment, POSTHORN_URL: posthorn.url });
    const another = await created(second.url, '/projects', { name: 'Gemini' });
    await untilAllSent(second.url);
    const ids = (await posthorn.events()).map(({ data }) => (data as { id?: unknown }).id);
    assert.deepEqual(ids, [project, another]);
    const arrived = await receiving.arrivals(2);
    assert.deepEqual(
      arrived.map(({ data }) => ('id' in data ? data.id : null)),
      [project, another],
    );
  });
}
