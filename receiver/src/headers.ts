/**
 * The headers of a delivery, spelled as they are sent. Mind the two ids: `webhookId` names the
 * registered webhook, `eventId` the event, and only the event's id tells a repetition.
 */
export const HEADERS = {
  contentType: 'Content-Type',
  contentLength: 'Content-Length',
  userAgent: 'User-Agent',
  webhookId: 'X-Webhook-Id',
  eventType: 'X-Webhook-Event',
  legacySignature: 'X-Webhook-Signature',
  eventId: 'webhook-id',
  /** Unix seconds of the attempt, not of the event. */
  timestamp: 'webhook-timestamp',
  /** Entries with a space between them; more than one while a secret is being rotated. */
  standardSignature: 'webhook-signature',
  deliveryId: 'X-Webhook-Delivery',
  attempt: 'X-Webhook-Attempt',
  trigger: 'X-Webhook-Trigger',
} as const;
