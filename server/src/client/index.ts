export type { CallOptions, ClientOptions } from './caller.ts';
export { type Client, createClient } from './client.ts';
export { PosthornApiError, PosthornConnectionError } from './errors.ts';
export type { Listing, Page } from './listing.ts';
export type * from './types.ts';
