// Installs what the project needs, once per change of the lock file. Runs on the machine's own
// Node (20 or newer), before the pinned one exists, so it is plain JavaScript without imports of ours.
//
//   node scripts/install.mjs          what running needs
//   node scripts/install.mjs --dev    the development tools too
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = `${root}node_modules/.posthorn-install.json`;
const wantsDev = process.argv.includes('--dev');
const lock = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

function installed() {
  if (!existsSync(stampFile) || !existsSync(`${root}node_modules/.bin/node`)) return false;
  const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
  // Development tools that are there already are kept: `npm start` never removes them.
  return stamp.lock === lock && (stamp.dev || !wantsDev);
}

if (!installed()) {
  const parts = wantsDev ? 'what the tests need' : 'what running needs';
  console.error(`Installing ${parts} (once; the next start skips this) …`);
  const flags = [
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...(wantsDev ? [] : ['--omit=dev']),
  ];
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const run = spawnSync(npm[0], [...npm.slice(1), 'ci', ...flags], {
    cwd: root,
    // npm's own output is talk, not data: standard output stays free for the program started next.
    stdio: ['ignore', 2, 2],
    // An outer `npm start --omit=…` or a production NODE_ENV must not decide what is installed here.
    env: {
      ...process.env,
      NODE_ENV: '',
      npm_config_omit: '',
      npm_config_include: wantsDev ? 'dev' : '',
    },
  });
  if (run.error) throw run.error;
  if (run.status !== 0) process.exit(run.status ?? 1);
  writeFileSync(stampFile, JSON.stringify({ lock, dev: wantsDev }));
}
