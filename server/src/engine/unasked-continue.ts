import type { Socket } from 'node:net';

const INFORMATIONAL = Buffer.from('HTTP/1.1 1');
const CONTINUE = Buffer.from('HTTP/1.1 100');
const LAST_DIGIT = CONTINUE.length - 1;
const HEAD_END = '\r\n\r\n';

/**
 * A receiver may answer `100 Continue` first though nobody asked for it (RFC 9110, 15.2), and undici
 * breaks off then. So it is given to undici as 102, which means as little and is counted like any other
 * informational response.
 */
export class UnaskedContinue {
  /** The next byte is the first of a head, as far as is known. */
  #isAtHead = false;

  constructor(socket: Socket) {
    const read = socket.read.bind(socket);
    socket.read = (size) => {
      const chunk: unknown = read(size);
      if (this.#isAtHead && chunk instanceof Buffer) this.#replaceIn(chunk);
      return chunk;
    };
  }

  requestBegins(): void {
    this.#isAtHead = true;
  }

  #replaceIn(chunk: Buffer): void {
    let at = 0;
    while (startsWith(chunk, INFORMATIONAL, at)) {
      if (startsWith(chunk, CONTINUE, at)) chunk[at + LAST_DIGIT] = DIGIT_TWO;
      const end = chunk.indexOf(HEAD_END, at);
      if (end < 0) break;
      at = end + HEAD_END.length;
    }
    this.#isAtHead = at === chunk.length;
  }
}

const DIGIT_TWO = 0x32;

function startsWith(chunk: Buffer, start: Buffer, at: number): boolean {
  const end = at + start.length;
  return end <= chunk.length && chunk.compare(start, 0, start.length, at, end) === 0;
}
