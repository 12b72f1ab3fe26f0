import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testReceiver } from './flask-and-go.ts';

const source = fileURLToPath(new URL('go', import.meta.url));
const hasGo = spawnSync('go', ['version']).status === 0;
const directory = mkdtempSync(join(tmpdir(), 'posthorn-go-receiver-'));
after(() => rmSync(directory, { recursive: true }));
let built: string | undefined;

testReceiver({
  name: 'Go',
  missing: hasGo ? null : 'Go is missing. Install Go 1.19 or newer.',
  command: () => {
    built ??= build();
    return { command: built, args: [] };
  },
});

/** Once for all tests here; `go run` would leave its child behind when it is killed. */
function build(): string {
  const program = join(directory, 'receiver');
  const { status, stderr } = spawnSync('go', ['build', '-buildvcs=false', '-o', program, '.'], {
    cwd: source,
    encoding: 'utf8',
    // The standard library is enough: no network, no other toolchain, no C compiler.
    env: {
      ...process.env,
      CGO_ENABLED: '0',
      GOFLAGS: '',
      GOPROXY: 'off',
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
    },
  });
  assert.equal(status, 0, stderr);
  return program;
}
