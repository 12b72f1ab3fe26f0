import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { until } from '../../../../server/test/support/until.ts';
import { type AccountApi, startAccountApi } from '../../account-api.ts';
import { lastFirst } from './last-first.ts';

export interface Answer {
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
  /** The parsed body; of no members when there is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    ...(body !== undefined && {
      headers: { 'Content-Type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  });
  const text = await response.text();
  const contentType = response.headers.get('Content-Type');
  return { status: response.status, contentType, text, body: text === '' ? {} : JSON.parse(text) };
}

/** The id of what was created. */
export async function created(url: string, path: string, body: unknown): Promise<string> {
  const answer = await call(url, 'POST', path, body);
  assert.equal(answer.status, 201, answer.text);
  return String(answer.body.id ?? answer.body.user_id);
}

/** The account API, in this process, stopped after the test. */
export async function startAccount(
  t: TestContext,
  databaseUrl: string,
  posthorn: { url: string; key: string },
): Promise<AccountApi & { readonly reports: readonly string[] }> {
  const reports: string[] = [];
  const api = await startAccountApi({
    databaseUrl,
    port: 0,
    posthorn: { url: posthorn.url, apiKey: posthorn.key },
    report: (message) => reports.push(message),
  });
  lastFirst(t).after(api.stop);
  return { ...api, reports };
}

export async function outboxOf(url: string): Promise<unknown> {
  return (await call(url, 'GET', '/healthz')).body.outbox;
}

export async function untilAllSent(url: string): Promise<void> {
  await until('nothing waits in the outbox', async () => {
    const { waiting } = (await outboxOf(url)) as { waiting: number };
    return waiting === 0;
  });
}
