export {
  createReceiver,
  EventSchemaError,
  HEADERS,
  hmacAsync,
  legacySignature,
  memoryStore,
  secretKeys,
  standardSignature,
  TOLERANCE_SECONDS,
  VERIFICATION_ERRORS,
  verify,
  WebhookVerificationError,
} from './index.ts';
