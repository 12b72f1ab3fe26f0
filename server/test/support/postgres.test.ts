import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { freshDatabase } from './postgres.ts';

test('Each test has a database of its own, of version 15 or newer', async (t) => {
  const urls = [await freshDatabase(t), await freshDatabase(t)];
  for (const url of urls) {
    const client = new pg.Client(url);
    await client.connect();
    await client.query('create table here (one integer)');
    const { rows } = await client.query('show server_version_num');
    assert.ok(Number(rows[0].server_version_num) >= 150_000);
    await client.end();
  }
});
