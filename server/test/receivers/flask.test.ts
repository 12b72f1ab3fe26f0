import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { testReceiver } from './flask-and-go.ts';

const root = new URL('../../../', import.meta.url);
const app = fileURLToPath(new URL('flask/app.py', import.meta.url));

/** The project's own virtual environment, else whatever Python the machine has. */
const python = [fileURLToPath(new URL('.venv-test/bin/python', root)), 'python3'].find(
  (candidate) => spawnSync(candidate, ['-c', 'import flask']).status === 0,
);

testReceiver({
  name: 'Flask',
  missing:
    python === undefined
      ? 'Python with Flask is missing. Install Python 3.10 or newer, then run ' +
        '`python3 -m venv .venv-test && .venv-test/bin/python -m pip install ' +
        '-r server/test/receivers/flask/requirements.txt`.'
      : null,
  command: () => ({ command: python ?? 'python3', args: [app] }),
});
