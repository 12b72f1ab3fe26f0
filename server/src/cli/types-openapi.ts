import { resolve } from '../core/schema-places.ts';
import type { DescribedType } from './types-text.ts';

type Node = Readonly<Record<string, unknown>>;

/**
 * The event types that an OpenAPI 3.1 document describes: each of its `webhooks`, whose JSON body is an event.
 * The type is what the body's `type` has to be, or else the webhook's name in the document.
 */
export function typesOfOpenApi(document: unknown): DescribedType[] {
  const { webhooks } = nodeOf(document);
  if (webhooks === undefined) throw new Error('The document has no "webhooks".');
  return Object.entries(nodeOf(webhooks)).map(([key, item]) => {
    const operation = nodeOf(followed(item, document).post);
    const body = followed(operation.requestBody, document);
    const schema = nodeOf(nodeOf(body.content)['application/json']).schema;
    const [type] = membersNamed('type', schema, document).flatMap((each) => {
      const { const: only } = followed(each, document);
      return typeof only === 'string' ? [only] : [];
    });
    const data = membersNamed('data', schema, document);
    return {
      name: type ?? key,
      description: String(operation.summary ?? operation.description ?? ''),
      ...(data.length > 0 && { data: { schema: { allOf: data }, document } }),
    };
  });
}

/** What a schema and all that it is put together of say of a member. */
function membersNamed(name: string, schema: unknown, document: unknown): unknown[] {
  const { $ref, properties, allOf } = nodeOf(schema);
  const own = nodeOf(properties)[name];
  return [
    ...(typeof $ref === 'string' ? membersNamed(name, resolve(document, $ref), document) : []),
    ...(Array.isArray(allOf) ? allOf.flatMap((each) => membersNamed(name, each, document)) : []),
    ...(own === undefined ? [] : [own]),
  ];
}

function followed(node: unknown, document: unknown): Node {
  const { $ref } = nodeOf(node);
  return typeof $ref === 'string' ? followed(resolve(document, $ref), document) : nodeOf(node);
}

function nodeOf(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}
