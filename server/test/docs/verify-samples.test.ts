import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type HmacVector, hmacVectors } from '../../../receiver/test/vectors.ts';

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
  fence: string;
  command: string;
  args: readonly string[];
  /** The file of the sample, and what calls it, in a directory of their own. */
  files: (sample: string) => Record<string, string>;
}

const page = readFileSync(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8');
const cases = hmacVectors.flatMap(casesOf);

const LANGUAGES: readonly Language[] = [
  {
    name: 'Node',
    fence: 'js',
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
    fence: 'python',
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
    fence: 'go',
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
function run({ fence, command, args, files }: Language): unknown[] {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-sample-'));
  after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files(sampleOf(fence)))) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: directory,
    input: JSON.stringify(cases),
    encoding: 'utf8',
    // Go: the standard library is enough, no network, no other toolchain, no C compiler.
    env: {
      ...process.env,
      CGO_ENABLED: '0',
      GOFLAGS: '',
      GOPROXY: 'off',
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** The only block of the page in that language. */
function sampleOf(fence: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${fence}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))];
  assert.equal(blocks.length, 1, `blocks in ${fence}`);
  return blocks[0]?.[1] ?? '';
}
