import { ANY_OBJECT, createTypeOf, type Declarations, type TypeOf } from './types-schema.ts';
import { propertyName, withComment } from './types-syntax.ts';

/** An event type as a receiver sees it. */
export interface DescribedType {
  readonly name: string;
  readonly description: string;
  readonly data?: DescribedData;
}

/** A JSON Schema, and what the `$ref`s in it lead into. */
export interface DescribedData {
  readonly schema: unknown;
  readonly document: unknown;
}

const HEAD = `// Made by \`posthorn types\`: event types, for createReceiver<Events>() of @posthorn/receiver.
// Make it anew instead of changing it.
`;

/**
 * The module that a receiver imports its event types from. The same types give the same text, whatever
 * their order.
 */
export function typesText(types: readonly DescribedType[]): string {
  const declared: Declarations = new Map();
  const byDocument = new Map<unknown, TypeOf>();
  const typeOfData = ({ schema, document }: DescribedData) => {
    const typeOf = byDocument.get(document) ?? createTypeOf(document, declared);
    byDocument.set(document, typeOf);
    return typeOf(schema);
  };
  const sorted = types.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const members = sorted.map(({ name, description, data }) => {
    const type = data === undefined ? ANY_OBJECT : dataType(typeOfData(data));
    return withComment({ description }, `${propertyName(name)}: ${type};`);
  });
  const body = members.map((member) => `\n  ${member.replaceAll('\n', '\n  ')}`).join('');
  const events = `/** Event type → its data. */\nexport interface Events {${body}\n}\n`;
  return [HEAD, events, ...[...declared.values()].map(({ text }) => `${text}\n`)].join('\n');
}

/** `data` is an object whatever its schema leaves open. */
function dataType(type: string): string {
  return type === 'unknown' ? ANY_OBJECT : type;
}
