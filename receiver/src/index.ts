export {
  VERIFICATION_ERRORS,
  type VerificationErrorCode,
  WebhookVerificationError,
} from './errors.ts';
export type { WebhookEvent } from './event.ts';
export { HEADERS } from './headers.ts';
export type { Secrets } from './keys.ts';
export type { HeaderValue, RequestHeaders } from './request-headers.ts';
export {
  SECRET_LENGTH_MAX,
  SECRET_LENGTH_MIN,
  type SecretKeys,
  STANDARD_KEY_BYTES_MAX,
  STANDARD_KEY_BYTES_MIN,
  STANDARD_PREFIX,
  secretFault,
  secretKeys,
  standardSpelling,
} from './secret.ts';
export { type Hmac, legacySignature, standardSignature } from './sign.ts';
export { TOLERANCE_SECONDS, type VerifiedDelivery, type VerifyOptions, verify } from './verify.ts';
export { hmacAsync } from './web-crypto.ts';
