import { isSchema, resolve, type Schema } from '../core/schema-places.ts';
import { propertyName, quoted, withComment } from './types-syntax.ts';

/** A schema as a type of one or more lines. What a `$ref` leads to gets a name, and is declared. */
export type TypeOf = (schema: unknown) => string;

/** By name, in the order in which they were met; the documents of one module share it. */
export type Declarations = Map<string, Declaration>;

interface Declaration {
  /** As its schema is called; several may be called the same. */
  readonly word: string;
  readonly text: string;
}

/** What JSON says of a value and no more. */
const ANYTHING = 'unknown';
export const ANY_OBJECT = 'Record<string, unknown>';
/** Names that the text itself uses. */
const TAKEN = ['Events', 'Record', 'Array'];

/**
 * JSON Schema 2020-12, as OpenAPI 3.1 has it, and what is common of older forms. A value that fits the
 * schema fits the type. Members that a schema neither names nor speaks of (`additionalProperties` left out)
 * are not in the type: reading one is nearly always a misspelling.
 */
export function createTypeOf(document: unknown, declared: Declarations): TypeOf {
  const names = new Map<string, string>();

  function typeOf(schema: unknown): string {
    if (schema === false) return 'never';
    if (!isSchema(schema)) return ANYTHING;
    const type = intersection(partsOf(schema));
    // OpenAPI 3.0 has no null among the types.
    return schema.nullable === true ? union([type, 'null']) : type;
  }

  /** What a schema asks for; all of it has to hold. */
  function partsOf(schema: Schema): string[] {
    const { $ref, oneOf, anyOf, allOf } = schema;
    return [
      ...(typeof $ref === 'string' ? [reference($ref)] : []),
      ...('const' in schema ? [literal(schema.const)] : []),
      ...(Array.isArray(schema.enum) ? [union(schema.enum.map(literal))] : []),
      ...('const' in schema || 'enum' in schema ? [] : shapeOf(schema)),
      ...[oneOf, anyOf].filter(Array.isArray).map((each) => union(each.map(typeOf))),
      ...(Array.isArray(allOf) ? allOf.map(typeOf) : []),
    ];
  }

  function shapeOf(schema: Schema): string[] {
    const { type } = schema;
    if (Array.isArray(type)) return [union(type.map((each) => shapeOfType(each, schema)))];
    if (type !== undefined) return [shapeOfType(type, schema)];
    // Without `type` these keywords bind only objects and arrays; such schemas mean those.
    if (hasAny(schema, ['properties', 'required', 'additionalProperties', 'patternProperties'])) {
      return [objectOf(schema)];
    }
    return hasAny(schema, ['items', 'prefixItems']) ? [arrayOf(schema)] : [];
  }

  function shapeOfType(type: unknown, schema: Schema): string {
    if (type === 'object') return objectOf(schema);
    if (type === 'array') return arrayOf(schema);
    if (type === 'integer') return 'number';
    const isPlain = type === 'string' || type === 'number' || type === 'boolean' || type === 'null';
    return isPlain ? type : ANYTHING;
  }

  function objectOf(schema: Schema): string {
    const properties = isSchema(schema.properties) ? schema.properties : {};
    const required = new Set(Array.isArray(schema.required) ? schema.required.map(String) : []);
    const all = new Set([...Object.keys(properties), ...required]);
    const types = new Map([...all].map((name) => [name, typeOf(properties[name] ?? true)]));
    const others = otherMembers(schema);

    if (all.size === 0 && (others === undefined || others === ANYTHING)) return ANY_OBJECT;

    const members = [...types].map(([name, type]) => {
      const mark = required.has(name) ? '' : '?';
      return withComment(properties[name], `${propertyName(name)}${mark}: ${type};`);
    });
    if (others !== undefined && (others !== 'never' || all.size === 0)) {
      // TypeScript wants what an index gives to cover the named members too.
      const optional = required.size < all.size ? ['undefined'] : [];
      members.push(`[name: string]: ${union([others, ...types.values(), ...optional])};`);
    }
    return `{${indented(`\n${members.join('\n')}`)}\n}`;
  }

  /** The type of members that have no name in the schema; undefined: it does not speak of them. */
  function otherMembers({ additionalProperties: rest, patternProperties }: Schema) {
    const patterns = isSchema(patternProperties) ? Object.values(patternProperties) : [];
    if (rest === undefined && patterns.length === 0) return undefined;
    return union([...patterns, rest ?? true].map(typeOf));
  }

  function arrayOf(schema: Schema): string {
    // Up to draft 7 a list of `items` was what `prefixItems` is now, and `additionalItems` the rest.
    const isOld = Array.isArray(schema.items);
    const first: unknown = isOld ? schema.items : schema.prefixItems;
    const rest = typeOf((isOld ? schema.additionalItems : schema.items) ?? true);
    if (!Array.isArray(first)) return listOf(rest);
    const sure = typeof schema.minItems === 'number' ? schema.minItems : 0;
    const items = first.map((each, index) => {
      const type = typeOf(each);
      return index < sure ? type : `(${type})?`;
    });
    return `[${[...items, ...(rest === 'never' ? [] : [`...${listOf(rest)}`])].join(', ')}]`;
  }

  function reference(pointer: string): string {
    const known = names.get(pointer);
    if (known !== undefined) return known;
    const schema = resolve(document, pointer);
    const word = wordOf(pointer);
    const own = freeName(word, declared);
    // Before its type is made: that may refer to it.
    names.set(pointer, own);
    declared.set(own, { word, text: '' });
    const type = typeOf(schema);
    const textAs = (name: string) => withComment(schema, `export type ${name} = ${type};`);
    // Another document may have the very same; one that refers to itself has its own name in it.
    const [same] = [...declared].find(([name, declaration]) => {
      return declaration.word === word && declaration.text === textAs(name);
    }) ?? [own];
    if (same === own) declared.set(own, { word, text: textAs(own) });
    else declared.delete(own);
    names.set(pointer, same);
    return same;
  }

  return typeOf;
}

/** What a schema is called, by where it stands. */
function wordOf(pointer: string): string {
  const last = decodeURIComponent(pointer).split('/').at(-1) ?? '';
  const words = last.split(/[^\p{ID_Continue}]+/u).filter((word) => word !== '');
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return /^\p{ID_Start}/u.test(joined) ? joined : `Schema${joined}`;
}

function freeName(word: string, declared: Declarations): string {
  for (let number = 1; ; number += 1) {
    const free = number === 1 ? word : `${word}${number}`;
    if (!declared.has(free) && !TAKEN.includes(free)) return free;
  }
}

function literal(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (!isSchema(value)) return String(value);
  const members = Object.entries(value).map(([name, each]) => {
    return `${propertyName(name)}: ${literal(each)}`;
  });
  return `{ ${members.join('; ')} }`;
}

function union(types: readonly string[]): string {
  const members = new Set(types);
  if (members.has(ANYTHING)) return ANYTHING;
  if (members.size > 1) members.delete('never');
  return members.size === 0 ? ANYTHING : [...members].join(' | ');
}

/** A part that says nothing beside the others would only hide what they say. */
function intersection(types: readonly string[]): string {
  const telling = new Set(types.filter((type) => type !== ANYTHING && type !== ANY_OBJECT));
  const members = telling.size > 0 ? [...telling] : types.includes(ANY_OBJECT) ? [ANY_OBJECT] : [];
  if (members.length <= 1) return members[0] ?? ANYTHING;
  return members.map((type) => (type.includes(' | ') ? `(${type})` : type)).join(' & ');
}

function listOf(type: string): string {
  return /^\w+$/.test(type) ? `${type}[]` : `Array<${type}>`;
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ');
}

function hasAny(schema: Schema, keywords: readonly string[]): boolean {
  return keywords.some((keyword) => keyword in schema);
}
