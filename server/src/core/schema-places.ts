import { escapePointer } from './json-scan.ts';

/** A JSON Schema that is an object, or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** A schema within a schema; its pointer begins at that one. */
export interface SchemaPart extends SchemaPlace {
  /** It is asked of the very value that the whole is asked of, not of something in it. */
  readonly isOfSameValue: boolean;
}

type Holds = 'a schema' | 'a list' | 'a map';

/** The keywords of 2020-12 that hold schemas, and the two of older drafts that it still knows. */
const KEYWORDS: Readonly<Record<string, readonly [Holds, 'same value' | 'other']>> = {
  allOf: ['a list', 'same value'],
  anyOf: ['a list', 'same value'],
  oneOf: ['a list', 'same value'],
  not: ['a schema', 'same value'],
  if: ['a schema', 'same value'],
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word.
  then: ['a schema', 'same value'],
  else: ['a schema', 'same value'],
  dependentSchemas: ['a map', 'same value'],
  dependencies: ['a map', 'same value'],
  properties: ['a map', 'other'],
  patternProperties: ['a map', 'other'],
  additionalProperties: ['a schema', 'other'],
  unevaluatedProperties: ['a schema', 'other'],
  propertyNames: ['a schema', 'other'],
  items: ['a schema', 'other'],
  prefixItems: ['a list', 'other'],
  unevaluatedItems: ['a schema', 'other'],
  contains: ['a schema', 'other'],
  contentSchema: ['a schema', 'other'],
  $defs: ['a map', 'other'],
  definitions: ['a map', 'other'],
};

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schemas that a schema is made of; those that are `true` or `false` are left out. */
export function partsOf(schema: Schema): SchemaPart[] {
  return Object.entries(KEYWORDS).flatMap(([keyword, [holds, asks]]) => {
    if (!Object.hasOwn(schema, keyword)) return [];
    const held = schema[keyword];
    const isOfSameValue = asks === 'same value';
    return membersOf(held, holds).flatMap(([steps, part]) =>
      isSchema(part) ? [{ pointer: `/${keyword}${steps}`, schema: part, isOfSameValue }] : [],
    );
  });
}

function membersOf(held: unknown, holds: Holds): [steps: string, part: unknown][] {
  switch (holds) {
    case 'a schema':
      return [['', held]];
    case 'a list':
      return Array.isArray(held) ? held.map((part, index) => [`/${index}`, part]) : [];
    case 'a map':
      return isSchema(held)
        ? Object.entries(held).map(([name, part]) => [`/${escapePointer(name)}`, part])
        : [];
  }
}

/** A schema and where it stands: RFC 6901, from the whole. */
export interface SchemaPlace {
  readonly pointer: string;
  readonly schema: Schema;
}

/** The whole first. */
export type SchemaPlaces = readonly [SchemaPlace, ...SchemaPlace[]];

/** A schema, and every one within it. */
export function placesOf(schema: Schema): SchemaPlaces {
  const places: [SchemaPlace, ...SchemaPlace[]] = [{ pointer: '', schema }];
  // What is found is looked through in its turn.
  for (const place of places) {
    for (const part of partsOf(place.schema)) {
      places.push({ pointer: place.pointer + part.pointer, schema: part.schema });
    }
  }
  return places;
}

/** What a `$ref` within a document leads to; throws when that is nothing. */
export function resolve(document: unknown, reference: string): unknown {
  if (!reference.startsWith('#')) {
    throw new Error(`"$ref": "${reference}" leads out of the document; bundle it into one first.`);
  }
  const found =
    reference === '#' || reference.startsWith('#/')
      ? atPointer(document, reference)
      : atAnchor(document, reference.slice(1));
  if (found === undefined) throw new Error(`"$ref": "${reference}" leads to nothing.`);
  return found;
}

function atPointer(document: unknown, reference: string): unknown {
  const steps = decoded(reference).split('/').slice(1);
  return steps.reduce<unknown>((value, step) => {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    return isThere ? (value as Schema)[key] : undefined;
  }, document);
}

/** It may be percent-encoded, as a fragment of a URI. */
function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}

function atAnchor(document: unknown, name: string): unknown {
  if (!isSchema(document)) return undefined;
  return placesOf(document).find(({ schema: { $anchor, $dynamicAnchor } }) => {
    return $anchor === name || $dynamicAnchor === name;
  })?.schema;
}
