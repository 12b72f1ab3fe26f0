// The package where there is nothing but what runtimes at the edge have in common: no process, no
// Buffer, no require.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { buildSync } from 'esbuild';
import { signed } from './signed.ts';
import { documented } from './vectors.ts';

const WEB = {
  atob,
  btoa,
  clearTimeout,
  console,
  crypto,
  Headers,
  Request,
  Response,
  setTimeout,
  TextDecoder,
  TextEncoder,
  URL,
};

test('a delivery is received with the globals of the web alone', async () => {
  const { body, headers } = signed({ type: 'user.created' });
  const said = await runInContext(
    `(async () => {
      const handled = [];
      const receiver = edge.createReceiver({ secrets: SECRET });
      receiver.on('user.*', (event) => handled.push(event.type)).onError(() => {});
      const handle = edge.fetchHandler(receiver);
      const send = (sent) => handle(new Request('http://localhost/', { method: 'POST', headers, body: sent }));
      const answers = [await send(body), await send(body), await send(body + ' ')];
      return JSON.stringify([typeof process, handled, answers.map(({ status }) => status)]);
    })()`,
    edge({ headers, body, SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }),
  );
  assert.deepEqual(JSON.parse(said), ['undefined', ['user.created'], [200, 200, 401]]);
});

test('a delivery is verified where the process has what only Node has, to refuse it', async () => {
  const { body, headers } = signed({ type: 'user.created' });
  const said = await runInContext(
    `edge.verify({ headers, body, secrets: SECRET }).then(({ type }) => type)`,
    edge({
      headers,
      body,
      SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      process: {
        getBuiltinModule() {
          throw new Error('not supported in the Edge Runtime');
        },
      },
    }),
  );
  assert.equal(said, 'user.created');
});

test('a public key verifies with the globals of the web alone', async () => {
  const said = await runInContext(
    `edge.verify({
      headers: {
        'webhook-id': vector.id,
        'webhook-timestamp': String(vector.timestamp),
        'webhook-signature': 'v1a,WJ+ASskzYaZdvJcmiTrcwJXO1AVivpy+lGEgWZVCts4TIxmy5b/hfHw0KWRdvcToKfzgaocGUs+uHtKB7cRNAg==',
      },
      body: vector.body,
      secrets: 'whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
      now: new Date(vector.timestamp * 1000),
    }).then(({ id }) => id)`,
    edge({ vector: documented }),
  );
  assert.equal(said, documented.id);
});

function edge(values: object) {
  const { outputFiles } = buildSync({
    stdin: {
      contents: `export * from './index.ts'; export * from './adapters/fetch.ts';`,
      resolveDir: fileURLToPath(new URL('../src/', import.meta.url)),
    },
    bundle: true,
    format: 'iife',
    globalName: 'edge',
    platform: 'neutral',
    write: false,
  });
  const context = createContext({ ...WEB, ...values });
  runInContext(outputFiles[0]?.text ?? '', context);
  return context;
}
