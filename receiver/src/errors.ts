/**
 * Why a request was not verified: code → the HTTP status to answer with, what is wrong, and what to
 * do. A code is permanent. 401 stands only where another secret could help, because the sender
 * then tries the other one of a rotation at once; 500 where the receiver's own set-up is at fault.
 */
export const VERIFICATION_ERRORS = {
  secret_missing: {
    status: 500,
    message: 'No secret to verify with.',
    hint: 'Is the environment variable set?',
  },
  secret_malformed: {
    status: 500,
    message: 'A secret cannot be one of a webhook.',
    hint: 'Copy it exactly as it was shown, without quotes, spaces or a line end.',
  },
  body_already_parsed: {
    status: 500,
    message: 'The body is neither text nor bytes.',
    hint:
      'Pass the raw body: in Express with express.raw({ type: "application/json" }) on this route, ' +
      'before any express.json(); elsewhere with await request.text().',
  },
  headers_missing: {
    status: 400,
    message: 'The headers of the signature are missing.',
    hint: 'Pass all headers of the request unchanged.',
  },
  legacy_not_accepted: {
    status: 400,
    message: 'The request carries only X-Webhook-Signature.',
    hint: 'It has no timestamp: a recorded one can be sent again. Pass `legacy: true` to accept it.',
  },
  id_malformed: {
    status: 400,
    message: 'The header webhook-id is not an event id.',
    hint: 'Pass all headers of the request unchanged.',
  },
  timestamp_malformed: {
    status: 400,
    message: 'The header webhook-timestamp is not a number of seconds.',
    hint: 'Pass all headers of the request unchanged.',
  },
  timestamp_too_old: {
    status: 400,
    message: 'The request was signed too long ago.',
    hint: 'Verify on arrival. Check the clock of this machine.',
  },
  timestamp_too_new: {
    status: 400,
    message: 'The request was signed in the future.',
    hint: 'Check the clock of this machine.',
  },
  signature_version_unsupported: {
    status: 400,
    message: 'The header webhook-signature has no entry for this secret.',
    hint: 'Pass all headers of the request unchanged.',
  },
  signature_mismatch: {
    status: 401,
    message: 'No signature matches.',
    hint: 'Is the secret that of this webhook, exactly as it was shown, and the body what arrived?',
  },
  body_malformed: {
    status: 400,
    message: 'The body is signed but is not an event.',
    hint: 'Is Posthorn the sender?',
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
