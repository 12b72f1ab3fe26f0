import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildReceiver } from '../../../scripts/build-receiver.ts';
import { hmacVectors } from '../vectors.ts';
import { installedRuntimes } from './installed.ts';

const vectors = fileURLToPath(new URL('../../../spec/signature-vectors.json', import.meta.url));
const project = realpathSync(mkdtempSync(join(tmpdir(), 'posthorn-runtimes-')));
const MS_MAX = 60_000;

before(() => {
  buildReceiver(join(project, 'node_modules/@posthorn/receiver'));
  copyFileSync(new URL('program.mjs', import.meta.url), join(project, 'program.mjs'));
  writeFileSync(join(project, 'package.json'), '{}');
});
after(() => rmSync(project, { recursive: true, force: true }));

const runtimes = installedRuntimes();

for (const name of ['Deno', 'Bun'] as const) {
  const runtime = runtimes.find((each) => each.name === name);
  const isMissing = runtime === undefined && process.env.CI !== 'true';
  if (isMissing) console.error(`SKIPPED: ${name} is not tried, because there is none here.`);
  const skip = isMissing ? `${name} is not installed` : false;

  test(`${name} verifies every vector, and receives over a socket`, { skip }, () => {
    assert.ok(runtime, `${name} is missing in node_modules`);
    const args = [...runtime.options, 'program.mjs', vectors];
    const said = execFileSync(runtime.program, args, {
      cwd: project,
      encoding: 'utf8',
      timeout: MS_MAX,
    });

    const { signatures, answers, handled } = JSON.parse(said);
    assert.deepEqual(signatures, expectedSignatures());
    assert.deepEqual(answers, [200, 200, 401, 400]);
    assert.deepEqual(handled, ['user.deleted']);
  });
}

/** Right with either spelling of the secret and by the old header; and refused with one more byte. */
function expectedSignatures(): object {
  const hmac = hmacVectors.map(({ name, id, is_event: isEvent }) => {
    const seen = isEvent ? id : 'body_malformed';
    return [name, [seen, seen, seen, 'signature_mismatch']];
  });
  const ed25519 = [
    'RFC 8032 test 1 key, the documented event',
    ['evt_abc123', 'signature_mismatch'],
  ];
  return Object.fromEntries([...hmac, ed25519]);
}
