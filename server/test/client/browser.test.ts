// Pages in a real browser that call the API through the built client, from origins of their own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium } from 'playwright-core';
import { buildClient } from '../../../scripts/build-client.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const executablePath = BROWSERS.map(pathOf).find((path) => path !== '');
const isMissing = executablePath === undefined && process.env.CI !== 'true';
if (isMissing) console.error('SKIPPED: no page is tried, because there is no Chromium here.');
const skip = isMissing ? 'Chromium is not installed' : false;

/** A page's script; it leaves in `window.outcome` what came of it. */
const PAGE = `<!doctype html><title></title><script type="module">
  import { createClient } from '/client/index.js';
  const [baseUrl, apiKey] = location.hash.slice(1).split(',').map(decodeURIComponent);
  const client = createClient({ baseUrl, apiKey, retriesMax: 0 });
  try {
    const urls = [];
    for await (const { url } of client.webhooks.list()) urls.push(url);
    const { id } = await client.events.publish({ type: 'user.created', data: { id: 'usr_789' } });
    const refused = await client.webhooks.get('wh_unknown').catch((error) => error);
    const told = [refused.code, /^req_/.test(refused.requestId)];
    window.outcome = { urls, id, told };
  } catch (error) {
    window.outcome = { error: error.name };
  }
</script>`;

describe('a page of another origin', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-page-'));
  let browser: Browser;
  before(async () => {
    buildClient(folder);
    // Root, as in containers, has no sandbox; the pages are ours.
    browser = await chromium.launch({
      ...(executablePath && { executablePath }),
      args: ['--no-sandbox'],
    });
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  test('lists webhooks and publishes, when its origin is allowed', async (t) => {
    const origin = await startPages(t, folder);
    const server = await startTestServer(t, { environment: { POSTHORN_CORS_ORIGINS: origin } });
    const receiver = await startReceiver(t);
    await server.request('POST', '/v1/webhooks', { url: receiver.url, events: ['user.*'] });

    const { urls, id, told } = await outcomeOf(origin, server);

    assert.deepEqual(urls, [receiver.url]);
    assert.deepEqual(told, ['not_found', true]);
    assert.equal((await receiver.next()).header('webhook-id'), id);
  });

  test('is kept from every answer by the browser, when it is not', async (t) => {
    const origin = await startPages(t, folder);
    const other = await startPages(t, folder);
    const server = await startTestServer(t, { environment: { POSTHORN_CORS_ORIGINS: other } });

    assert.deepEqual(await outcomeOf(origin, server), { error: 'PosthornConnectionError' });

    const { body } = await server.request<{ data: unknown[] }>('GET', '/v1/events');
    assert.deepEqual(body.data, []);
  });

  async function outcomeOf(origin: string, server: { url: string; key: string }) {
    const page = await browser.newPage();
    try {
      await page.goto(`${origin}/#${[server.url, server.key].map(encodeURIComponent).join()}`);
      const outcome = await page.waitForFunction('window.outcome');
      return (await outcome.jsonValue()) as Outcome;
    } finally {
      await page.close();
    }
  }
});

interface Outcome {
  urls?: string[];
  id?: string;
  told?: unknown[];
  error?: string;
}

/** Serves the page and the built client, each time at an origin of its own. */
async function startPages(
  cleanup: { after(end: () => void): void },
  folder: string,
): Promise<string> {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/') return response.setHeader('Content-Type', 'text/html').end(PAGE);
    if (!/^\/client\/[\w-]+\.js$/.test(path)) return response.writeHead(404).end();
    return response.setHeader('Content-Type', 'text/javascript').end(readFileSync(folder + path));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function pathOf(command: string): string {
  return String(spawnSync('sh', ['-c', `command -v ${command}`]).stdout).trim();
}
