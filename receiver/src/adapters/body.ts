import { type Answer, answer } from '../answer.ts';
import { WebhookVerificationError } from '../errors.ts';

/** Ten times what the sender sends by default; more is answered 413 and not read. */
export const BODY_BYTES_MAX = 1_048_576;

/** More came than a receiver reads. */
export class BodyTooLarge extends Error {
  readonly answer: Answer = answer(413, `the body is larger than ${BODY_BYTES_MAX} bytes`);
}

/** What `verify` takes as a body. */
export function isRaw(body: unknown): body is string | Uint8Array {
  return typeof body === 'string' || ArrayBuffer.isView(body);
}

/** `fix`: what to do about it in this framework, as a sentence. */
export function alreadyParsed(fix: string): WebhookVerificationError {
  return new WebhookVerificationError('body_already_parsed', undefined, fix);
}

/** Gathers what arrives, as far as `BODY_BYTES_MAX`. */
export class RawBody {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** @throws BodyTooLarge */
  add(chunk: string | Uint8Array): void {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
    this.#length += bytes.length;
    if (this.#length > BODY_BYTES_MAX) throw new BodyTooLarge();
    this.#chunks.push(bytes);
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, offset);
      offset += chunk.length;
    }
    return whole;
  }
}
