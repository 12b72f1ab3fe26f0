/**
 * Why a request was not verified: code → the HTTP status to answer with, what is wrong, and what to
 * do. A code is permanent. 401 stands only where another secret could help, because the sender
 * then tries the other one of a rotation at once; 500 where the receiver's own set-up is at fault.
 */
export const VERIFICATION_ERRORS = {
  secret_missing: {
    status: 500,
    message: 'No secret to verify with.',
    hint: 'Pass the secret of the webhook as `secrets`; is the environment variable set?',
  },
  secret_malformed: {
    status: 500,
    message: 'A secret cannot be one of a webhook.',
    hint: 'Copy the secret exactly as it was shown, without quotes, spaces or a line end.',
  },
  body_already_parsed: {
    status: 500,
    message: 'The body is neither text nor bytes.',
    hint:
      'Pass the raw body: in Express use express.raw({ type: "application/json" }) on this ' +
      'route, before any express.json(); elsewhere use await request.text().',
  },
  headers_missing: {
    status: 400,
    message: 'The request carries no complete signature.',
    hint:
      'A delivery carries webhook-id, webhook-timestamp and webhook-signature: pass all headers ' +
      'of the request, and let no proxy remove them.',
  },
  legacy_not_accepted: {
    status: 400,
    message: 'The request carries only X-Webhook-Signature.',
    hint:
      'That signature has no timestamp, so an old request can be sent again; pass `legacy: true` ' +
      'if that is acceptable.',
  },
  id_malformed: {
    status: 400,
    message: 'The header webhook-id is not an event id.',
    hint: 'Pass the header unchanged; it is sent once and holds one id.',
  },
  timestamp_malformed: {
    status: 400,
    message: 'The header webhook-timestamp is not a number of seconds.',
    hint: 'Pass the header unchanged; it is sent once and holds Unix seconds in decimal digits.',
  },
  timestamp_too_old: {
    status: 400,
    message: 'The request was signed too long ago.',
    hint: 'Verify on arrival, not from a queue, and check that the clock of this machine is right.',
  },
  timestamp_too_new: {
    status: 400,
    message: 'The request was signed in the future.',
    hint: 'Check that the clock of this machine is right.',
  },
  signature_version_unsupported: {
    status: 400,
    message: 'The header webhook-signature has no entry that this secret could have made.',
    hint: 'Pass the header unchanged, or update this library if the sender has a newer scheme.',
  },
  signature_mismatch: {
    status: 401,
    message: 'No signature matches.',
    hint:
      'Check that the secret is the one of this webhook, exactly as shown, and that the body is ' +
      'what arrived, byte by byte, not parsed and printed again.',
  },
  body_malformed: {
    status: 400,
    message: 'The body is signed but is not an event.',
    hint: 'The sender holds the secret but is not Posthorn, or is too new for this library.',
  },
} as const satisfies Record<string, { status: number; message: string; hint: string }>;

export type VerificationErrorCode = keyof typeof VERIFICATION_ERRORS;

/** The request must not be trusted. Neither message nor hint repeats the body or a secret. */
export class WebhookVerificationError extends Error {
  readonly code: VerificationErrorCode;
  /** The HTTP status to answer the request with. */
  readonly status: number;
  /** What to do about it, for the log of the receiver's operator. */
  readonly hint: string;

  /**
   * `detail`: a sentence on this very case, added to the message of the table. `hint`: a better one
   * than that of the table, where the case gives its cause away.
   */
  constructor(code: VerificationErrorCode, detail?: string, hint?: string) {
    const { status, message, hint: usual } = VERIFICATION_ERRORS[code];
    const sentences = [message, detail ?? []].flat();
    // What only a programmer can mend is thrown at one, who may see the message alone.
    if (status === 500) sentences.push(hint ?? usual);
    super(sentences.join(' '));
    this.name = 'WebhookVerificationError';
    this.code = code;
    this.status = status;
    this.hint = hint ?? usual;
  }
}
