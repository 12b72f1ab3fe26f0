const HEAD_END = Buffer.from('\r\n\r\n');
/** Without its first letter: some write it large, some small. */
const LENGTH_NAME = Buffer.from('ontent-length:');
const MESSAGE_BYTES_MAX = 1_048_576;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * Cuts a stream of HTTP/1.1 into its messages, pipelined or not, by Content-Length alone: just what
 * both ends here send. It is not a parser for anybody else's messages.
 */
export class HttpMessages {
  readonly #found: (message: Buffer) => void;
  #rest: Buffer | null = null;

  constructor(found: (message: Buffer) => void) {
    this.#found = found;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let from = 0;
    for (let end = messageEnd(bytes, from); end !== null; end = messageEnd(bytes, from)) {
      this.#found(bytes.subarray(from, end));
      from = end;
    }
    this.#rest = from === bytes.length ? null : bytes.subarray(from);
    if (bytes.length - from > MESSAGE_BYTES_MAX) throw new Error('this message is too long');
  }
}

/** Null when the message is not complete yet. */
function messageEnd(bytes: Buffer, from: number): number | null {
  const headEnd = from < bytes.length ? bytes.indexOf(HEAD_END, from) : -1;
  if (headEnd < 0) return null;
  const end = headEnd + HEAD_END.length + contentLength(bytes, from, headEnd);
  return end <= bytes.length ? end : null;
}

function contentLength(bytes: Buffer, from: number, headEnd: number): number {
  const name = bytes.indexOf(LENGTH_NAME, from);
  if (name < 0 || name > headEnd) return 0;
  let at = name + LENGTH_NAME.length;
  while (bytes[at] === SPACE) at += 1;
  let length = 0;
  for (let digit = bytes[at] ?? 0; digit >= ZERO && digit <= NINE; digit = bytes[at] ?? 0) {
    length = length * 10 + digit - ZERO;
    at += 1;
  }
  return length;
}
