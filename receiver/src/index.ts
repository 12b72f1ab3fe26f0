export type { Answer } from './answer.ts';
export {
  VERIFICATION_ERRORS,
  type VerificationErrorCode,
  WebhookVerificationError,
} from './errors.ts';
export type { WebhookEvent } from './event.ts';
export type { EventOf, EventPattern, EventType, MatchingEvent } from './event-patterns.ts';
export { HEADERS } from './headers.ts';
export type { Secrets } from './keys.ts';
export { createReceiver, type Receiver } from './receiver.ts';
export type {
  AnyEvents,
  ErrorListener,
  Failure,
  Handler,
  IncomingRequest,
  ReceiverOptions,
  RequestContext,
  RequestReceiver,
} from './receiver-options.ts';
export type { HeaderValue, RequestHeaders } from './request-headers.ts';
export { type SecretKeys, STANDARD_PREFIX, secretKeys } from './secret.ts';
export { type Hmac, legacySignature, standardSignature } from './sign.ts';
export {
  EventSchemaError,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
} from './standard-schema.ts';
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from './stores/memory.ts';
export type { Claim, EventStore } from './stores/store.ts';
export { TOLERANCE_SECONDS, type VerifiedDelivery, type VerifyOptions, verify } from './verify.ts';
