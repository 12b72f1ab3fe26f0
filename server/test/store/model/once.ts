import type { OnceRecord, OnceResult } from '../../../src/core/ports.ts';
import type { Answers, KeptRecord, State } from './state.ts';

type Operations = 'beginOnce' | 'completeOnce' | 'abandonOnce' | 'forgetExpired';

/** The call's work, unless a record of its key says that it was done before. */
export function runOnce<Result>(
  state: State,
  accountId: string,
  once: OnceRecord | undefined,
  work: (keep: () => void) => Result,
): OnceResult<Result> {
  if (once === undefined) return { result: work(() => {}) };
  const name = recordName(accountId, once.key);
  const found = state.records.get(name);
  if (found !== undefined && found.expiresAt > once.createdAt) return { earlier: earlierOf(found) };
  if (found !== undefined) found.isDoubtful = true;
  const { fingerprint, status, body, sealed, expiresAt } = once;
  const record = { fingerprint, status, body, sealed, expiresAt, isDoubtful: false };
  return { result: work(() => state.records.set(name, record)) };
}

export function onceAnswers(state: State, forgotten: () => number): Answers<Operations> {
  return {
    beginOnce: (_, accountId, begun) =>
      runOnce(state, accountId, { ...begun, status: 0, body: '', sealed: false }, (keep) => {
        keep();
        const record = state.records.get(recordName(accountId, begun.key));
        if (record !== undefined) record.status = null;
        return 'begun';
      }),

    completeOnce(_, accountId, { key, fingerprint, status, body, sealed, expiresAt }) {
      const record = { fingerprint, status, body, sealed, expiresAt, isDoubtful: false };
      state.records.set(recordName(accountId, key), record);
    },

    abandonOnce(_, accountId, key) {
      const name = recordName(accountId, key);
      if (state.records.get(name)?.status === null) state.records.delete(name);
    },

    forgetExpired(_, now) {
      for (const webhook of state.webhooks.values()) {
        if (webhook.rotation !== null && webhook.rotation.until <= now) webhook.rotation = null;
      }
      const expired = [...state.records].filter(([, { expiresAt }]) => expiresAt <= now);
      for (const [name] of expired) state.records.delete(name);
      const sure = expired.filter(([, { isDoubtful }]) => !isDoubtful).length;
      return Math.min(Math.max(forgotten(), sure), expired.length);
    },
  };
}

export function recordName(accountId: string, key: string): string {
  return `${accountId} ${key}`;
}

function earlierOf({ fingerprint, status, body, sealed }: KeptRecord) {
  return { fingerprint, status, body, sealed };
}
