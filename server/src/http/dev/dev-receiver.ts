import { HEADERS, verify, WebhookVerificationError } from '@posthorn/receiver';

/** So many deliveries are shown; older ones are forgotten. */
const KEPT_MAX = 50;

export interface ReceivedDelivery {
  receivedAt: Date;
  eventType: string;
  eventId: string;
  attempt: string;
  /** Why it could not be verified; null when it was. */
  fault: string | null;
  body: string;
}

/** A receiver as a customer would write one, for `posthorn dev`: it verifies and remembers. */
export class DevReceiver {
  readonly secret: string;
  readonly #received: ReceivedDelivery[] = [];

  constructor(secret: string) {
    this.secret = secret;
  }

  /** Newest first. */
  get received(): readonly ReceivedDelivery[] {
    return this.#received;
  }

  /** Answers the status to respond with. */
  async receive(
    headers: Record<string, string | string[] | undefined>,
    body: Buffer,
  ): Promise<number> {
    const header = (name: string) => String(headers[name.toLowerCase()] ?? '');
    const fault = await this.#fault(headers, body);
    this.#received.unshift({
      receivedAt: new Date(),
      eventType: header(HEADERS.eventType),
      eventId: header(HEADERS.eventId),
      attempt: header(HEADERS.attempt),
      fault: fault?.message ?? null,
      body: body.toString('utf8'),
    });
    this.#received.length = Math.min(this.#received.length, KEPT_MAX);
    return fault === null ? 200 : fault.status;
  }

  async #fault(
    headers: Record<string, string | string[] | undefined>,
    body: Buffer,
  ): Promise<WebhookVerificationError | null> {
    try {
      await verify({ headers, body, secrets: [this.secret] });
      return null;
    } catch (error) {
      if (error instanceof WebhookVerificationError) return error;
      throw error;
    }
  }
}
