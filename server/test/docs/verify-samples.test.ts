import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { type HmacVector, hmacVectors } from '../../../receiver/test/vectors.ts';
import { snippetsOf } from './support/snippets.ts';
import {
  LANGUAGE_ENVIRONMENT,
  testRegistration,
  testWholeReceiver,
} from './support/webhooks-page.ts';

/** A request to be judged by the samples. */
interface Case {
  what: string;
  body: string;
  headers: Record<string, string>;
  secret: string;
  now: number;
  /** What `verify` and `verifyLegacy` are to say. */
  verdicts: [standard: boolean, legacy: boolean];
}

interface Language {
  name: string;
  sample: string;
  command: string;
  args: readonly string[];
  /** The file of the sample, and what calls it, in a directory of their own. */
  files: (sample: string) => Record<string, string>;
}

const js = snippetsOf('docs/webhooks.md', 'js');
const python = snippetsOf('docs/webhooks.md', 'python');
const go = snippetsOf('docs/webhooks.md', 'go');
const sql = snippetsOf('docs/webhooks.md', 'sql');
const samples = {
  js: js.take(/export function verify\(/),
  python: python.take(/def verify\(/),
  go: go.take(/func Verify\(/),
};
const cases = hmacVectors.flatMap(casesOf);

const LANGUAGES: readonly Language[] = [
  {
    name: 'Node',
    sample: samples.js,
    command: process.execPath,
    args: ['main.mjs'],
    files: (sample) => ({
      'sample.mjs': sample,
      'main.mjs': `
        import { readFileSync } from 'node:fs';
        import { verify, verifyLegacy } from './sample.mjs';
        const cases = JSON.parse(readFileSync(0, 'utf8'));
        console.log(JSON.stringify(cases.map((one) => [verify(one), verifyLegacy(one)])));
      `,
    }),
  },
  {
    name: 'Python',
    sample: samples.python,
    command: 'python3',
    args: ['main.py'],
    files: (sample) => ({
      'sample.py': sample,
      'main.py': `
import json, sys
from email.message import Message
from sample import verify, verify_legacy
verdicts = []
for one in json.load(sys.stdin.buffer):
    headers = Message()
    for name, value in one["headers"].items():
        headers[name] = value
    body = one["body"].encode()
    legacy = verify_legacy(body, headers, one["secret"])
    verdicts.append([verify(body, headers, one["secret"], one["now"]), legacy])
print(json.dumps(verdicts))
`,
    }),
  },
  {
    name: 'Go',
    sample: samples.go,
    command: 'go',
    args: ['run', '.'],
    files: (sample) => ({
      'go.mod': 'module sample\n\ngo 1.19\n',
      'receiver/receiver.go': sample,
      'main.go': `package main

import (
	"encoding/json"
	"net/http"
	"os"
	"sample/receiver"
	"time"
)

func main() {
	var cases []struct {
		Body, Secret string
		Headers      map[string]string
		Now          int64
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	verdicts := [][2]bool{}
	for _, one := range cases {
		header := http.Header{}
		for name, value := range one.Headers {
			header.Set(name, value)
		}
		body := []byte(one.Body)
		verdicts = append(verdicts, [2]bool{
			receiver.Verify(body, header, one.Secret, time.Unix(one.Now, 0)),
			receiver.VerifyLegacy(body, header, one.Secret),
		})
	}
	json.NewEncoder(os.Stdout).Encode(verdicts)
}
`,
    }),
  },
];

for (const language of LANGUAGES) {
  const isMissing = spawnSync(language.command, ['--help']).error !== undefined;
  // A laptop may lack it; in CI a test that does not run would be a hole nobody sees.
  const skip = isMissing && !process.env.CI && `NOT TESTED: ${language.command} is missing`;
  test(`the ${language.name} sample tells genuine requests from others`, { skip }, () => {
    const verdicts = run(language);
    cases.forEach(({ what, verdicts: wanted }, index) => {
      assert.deepEqual(verdicts[index], wanted, what);
    });
    assert.equal(verdicts.length, cases.length);
  });
}

testRegistration('JavaScript', process.execPath, '-e', js.take(/fetch\(/));
testRegistration('Python', 'python3', '-c', python.take(/urlopen\(/));
testWholeReceiver('js', samples.js, js.take(/express/));
testWholeReceiver('python', samples.python, python.take(/Flask\(/));
testWholeReceiver('go', samples.go, go.take(/^package main$/m));

test('the statement against repetitions inserts an id once', () => {
  const db = new DatabaseSync(':memory:');
  db.exec('create table seen_events (id text primary key)');
  const statement = db.prepare(sql.take(/seen_events/));
  const inserted = () => statement.run({ $1: 'evt_1' }).changes;
  assert.deepEqual([inserted(), inserted()], [1, 0]);
});

function casesOf(vector: HmacVector): Case[] {
  const { name, secret, id, timestamp, body } = vector;
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': vector.standard_signature,
    'x-webhook-signature': vector.legacy_signature,
  };
  const signature = headers['webhook-signature'];
  const genuine: Case = {
    what: name,
    body,
    headers,
    secret,
    now: timestamp,
    verdicts: [true, true],
  };
  const other = (what: string, change: Partial<Case>): Case => {
    return { ...genuine, what: `${name}, ${what}`, ...change };
  };
  const withHeader = (changed: Record<string, string>) => ({ headers: { ...headers, ...changed } });
  return [
    genuine,
    other('at the edge of the tolerance', { now: timestamp + 300 }),
    other('too old', { now: timestamp + 301, verdicts: [false, true] }),
    other('too new', { now: timestamp - 301, verdicts: [false, true] }),
    other('another body', { body: `${body} `, verdicts: [false, false] }),
    other('another secret', { secret: 'another_secret_of_ours', verdicts: [false, false] }),
    other('among other entries', withHeader({ 'webhook-signature': `v1,AAAA ${signature}` })),
    other('another version', {
      ...withHeader({ 'webhook-signature': signature.replace('v1,', 'v2,') }),
      verdicts: [false, true],
    }),
    other('another event id', {
      ...withHeader({ 'webhook-id': 'evt_1' }),
      verdicts: [false, true],
    }),
    other('a time that is no number', {
      ...withHeader({ 'webhook-timestamp': 'NaN' }),
      verdicts: [false, true],
    }),
    other('signatures beyond ASCII', {
      ...withHeader({ 'webhook-signature': 'v1,é', 'x-webhook-signature': 'é' }),
      verdicts: [false, false],
    }),
    other('without any header', { headers: {}, verdicts: [false, false] }),
  ];
}

/** What the sample of the page says about each case. */
function run({ sample, command, args, files }: Language): unknown[] {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-sample-'));
  after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files(sample))) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: directory,
    input: JSON.stringify(cases),
    encoding: 'utf8',
    env: LANGUAGE_ENVIRONMENT,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}
