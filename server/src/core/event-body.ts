import { PosthornError } from './errors.ts';
import { wholeSeconds } from './time.ts';

/** `express.json()` answers 413 one byte above. */
export const EVENT_BYTES_MAX_DEFAULT = 102_400;

/**
 * The text whose UTF-8 bytes are signed, stored and sent: made once, here. Receivers that parse and
 * stringify it again get the same bytes (docs/webhooks.md).
 */
export function eventBody(
  event: { id: string; type: string; createdAt: number; data: object },
  bytesMax: number,
): string {
  const body =
    `{"id":"${event.id}","type":"${event.type}",` +
    `"created_at":"${wholeSeconds(event.createdAt)}","data":${JSON.stringify(event.data)}}`;
  // A character has at most three bytes per unit: most bodies need not be counted.
  const bytes = body.length * 3 <= bytesMax ? 0 : utf8Length(body);
  if (bytes > bytesMax) {
    throw new PosthornError(
      'event_too_large',
      `The event's body would have ${bytes} bytes; at most ${bytesMax} are delivered. Send an id instead of the whole object.`,
    );
  }
  return body;
}

/** The number of bytes of a well-formed text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
