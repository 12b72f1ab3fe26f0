import type { WebhookVerificationError } from './errors.ts';

/** What a receiver answers: adapters write it as their framework does. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A word or a sentence; the sender keeps its first 4 KiB for the log of the delivery. */
  readonly body: string;
}

export function answer(status: number, body: string, retryAfterMs?: number): Answer {
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  if (retryAfterMs === undefined) return { status, headers, body };
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  return { status, headers: { ...headers, 'retry-after': String(seconds) }, body };
}

/** The hint stays here: it is for whoever runs the receiver, as is all about its own set-up. */
export function refusal({ status, code, message }: WebhookVerificationError): Answer {
  return answer(status, status === 500 ? code : `${code}: ${message}`);
}
