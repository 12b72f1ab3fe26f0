import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import type { Destination, GuardedConnect } from './connect-guard.ts';
import type { Listed } from './linked-list.ts';
import { UnaskedContinue } from './unasked-continue.ts';

const HEADER_BYTES_MAX = 16_384;
/** Everything a receiver may send in one exchange, whatever it means: 16 heads of 16 KiB are less. */
const RAW_BYTES_MAX = 384 * 1024;
/** Shorter hints of a server count, longer ones do not. */
const IDLE_MAX_MS = 4_000;

export interface Origin {
  /** What has the same key may use the same connections. */
  key: string;
  destination: Destination;
}

/** The exchange that uses a connection. */
export interface ConnectionUser extends Dispatcher.DispatchHandler {
  /** undici threw where there is nobody to hear it. */
  broke(error: Error): void;
  receivedTooMuch(): void;
}

/**
 * One connection to one origin, for one exchange at a time: an undici client of its own. undici's own
 * timers are off, since they start again with each byte; the deadline covers the whole.
 *
 * An idle connection that turns out to be closed before anything was written on it is made again by
 * the client, so that the socket is not always the first.
 */
export class Connection implements Listed {
  readonly origin: Origin;
  /** These three belong to whoever keeps the idle ones. */
  list: unknown = null;
  older: Listed | null = null;
  newer: Listed | null = null;
  readonly #client: Client;
  readonly #connect: GuardedConnect;
  #socket: Socket | null = null;
  #unaskedContinue: UnaskedContinue | null = null;
  #user: ConnectionUser | null = null;
  /** What the socket had received when the exchange began. */
  #bytesBefore = 0;
  #dispatches = 0;
  #isSpent = false;
  /** Exchanges that this very socket has begun. */
  #exchanges = 0;

  constructor(origin: Origin, connect: GuardedConnect, closedWhileIdle: () => void) {
    this.origin = origin;
    this.#connect = connect;
    this.#client = new Client(origin.key, {
      connect: (_, connected) => this.#makeSocket(connected),
      allowH2: false,
      pipelining: 1,
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MAX_MS,
      keepAliveMaxTimeout: IDLE_MAX_MS,
      keepAliveTimeoutThreshold: 1_000,
    });
    this.#client.on('disconnect', closedWhileIdle);
    // An EventEmitter throws an error that nobody listens to; undici's types do not know this one.
    (this.#client as EventEmitter).on('error', (error: Error) => this.#user?.broke(error));
  }

  /** Whether there was an exchange before this one. */
  get isKept(): boolean {
    return this.#dispatches > 1;
  }

  /** Whether the socket served an exchange before this one. */
  get isReused(): boolean {
    return this.#exchanges > 1;
  }

  /** Whether a byte of an answer has come since the request was begun. */
  get hasReceived(): boolean {
    return this.#socket !== null && this.#socket.bytesRead !== this.#bytesBefore;
  }

  /** Whether the request has not left this process yet in full. */
  get hasUnsent(): boolean {
    return this.#socket !== null && this.#socket.writableLength > 0;
  }

  get isReusable(): boolean {
    const socket = this.#socket;
    return socket !== null && !socket.destroyed && !this.hasUnsent && !this.#isSpent;
  }

  dispatch(options: Dispatcher.DispatchOptions, user: ConnectionUser): void {
    this.#user = user;
    this.#dispatches += 1;
    this.#client.dispatch(options, user);
  }

  /** The request is being written on the socket now. */
  requestBegins(): void {
    this.#exchanges += 1;
    this.#bytesBefore = this.#socket?.bytesRead ?? 0;
    this.#unaskedContinue?.requestBegins();
  }

  /** This exchange is its last, whatever the receiver says. */
  useNoMore(): void {
    this.#isSpent = true;
  }

  /** Nobody's for the time being. */
  rest(): void {
    this.#user = null;
  }

  /** Ends what is under way. May be called from within undici: the client is not touched. */
  cut(): void {
    this.#user = null;
    // Else the kernel would keep what a receiver does not read, and try to send it for minutes.
    if (this.hasUnsent && !this.origin.destination.isTls) this.#socket?.resetAndDestroy();
    else this.#socket?.destroy();
  }

  close(): void {
    this.cut();
    this.#client.destroy(null, () => {});
  }

  #makeSocket(connected: buildConnector.Callback): void {
    this.#exchanges = 0;
    this.#bytesBefore = 0;
    this.#socket = this.#connect(this.origin.destination, (error, socket) => {
      if (socket === null) return connected(error ?? new Error('not connected'), null);
      this.#unaskedContinue = new UnaskedContinue(socket);
      // Heard before undici hears it, and also while undici swallows bytes without a word.
      socket.on('readable', () => {
        if (socket.bytesRead - this.#bytesBefore > RAW_BYTES_MAX) this.#user?.receivedTooMuch();
      });
      connected(null, socket);
    });
  }
}
