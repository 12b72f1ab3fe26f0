import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { openApiDocument } from '../../src/http/openapi/document.ts';

/** What a test has sent and got. */
export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Response {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, object>>;
}
interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { responses: Readonly<Record<string, Response>> }>>>
  >;
  readonly components: { readonly responses: Readonly<Record<string, Response>> };
}

const ANY_PROBLEM = '/components/schemas/Problem';
const RESPONSES = '#/components/responses/';
const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;

// As a server in the same process would answer it; the file may be older.
const document = closed(openApiDocument()) as Document;
const ajv = new Ajv2020({
  strict: false,
  formats: { 'date-time': UTC_TIME, uri: (text: string) => URL.canParse(text) },
}).addSchema(document, 'openapi');
const paths = Object.keys(document.paths).map((path) => {
  return { path, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`) };
});

/** Fails when an answer of the API is not one that the OpenAPI document has for that call. */
export function assertInContract(exchange: Exchange): void {
  const fault = contractFault(exchange);
  if (fault === null) return;
  const { method, path, status, text } = exchange;
  assert.fail(
    `${method} ${path} was answered ${status}, and the OpenAPI document does not have that: ${fault}. ` +
      `The answer: ${text.slice(0, 1_000)}`,
  );
}

/** What the document has against an answer; null when it has it so. */
export function contractFault({ method, path, status, headers, text }: Exchange): string | null {
  const bare = path.split('?')[0] ?? '';
  const known = paths.find(({ pattern }) => pattern.test(bare))?.path ?? '';
  const responses = document.paths[known]?.[method.toLowerCase()]?.responses;
  if (responses === undefined) {
    // A refusal by the router, or a page of `posthorn dev`.
    if (status >= 400) return schemaFault(ANY_PROBLEM, text);
    return bare.startsWith('/v1/') ? 'there is no such call' : null;
  }
  const response = responses[status];
  if (response === undefined) return 'the call has no answer with this status';
  if (!headers.has('x-request-id')) return 'X-Request-Id is missing';

  const name = response.$ref?.slice(RESPONSES.length);
  const { content } = name === undefined ? response : (document.components.responses[name] ?? {});
  if (content === undefined) return text === '' ? null : 'the answer has a body';
  const mediaType = headers.get('content-type')?.split(';')[0] ?? '';
  if (content[mediaType] === undefined) return `it is not of the type "${mediaType}"`;
  const place =
    name === undefined
      ? `/paths/${escaped(known)}/${method.toLowerCase()}/responses/${status}`
      : `/components/responses/${name}`;
  return schemaFault(`${place}/content/${escaped(mediaType)}/schema`, text, mediaType);
}

/** What the document has against the body of a delivery of this type; null when it has it so. */
export function deliveryFault(type: string, text: string): string | null {
  const place = `/webhooks/${type}/post/requestBody/content/application~1json/schema`;
  return schemaFault(place, text);
}

function schemaFault(pointer: string, text: string, mediaType = 'application/json'): string | null {
  const validate = ajv.getSchema(`openapi#${pointer}`);
  if (validate === undefined) throw new Error(`The document has nothing at ${pointer}.`);
  if (validate(mediaType.endsWith('json') ? JSON.parse(text) : text)) return null;
  return ajv.errorsText(validate.errors, { dataVar: 'the answer' });
}

function escaped(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * The document is open, so that answers can grow; here a member that it does not name is a fault. What
 * stands in `allOf` is a part of an object and stays open.
 */
function closed(value: unknown, isPart = false): unknown {
  if (Array.isArray(value)) return value.map((item) => closed(item, isPart));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, closed(member, key === 'allOf')]),
  );
  const isOpen = 'properties' in members && !('additionalProperties' in members);
  return isOpen && !isPart ? { ...members, additionalProperties: false } : members;
}
