import { ANY_OBJECT, createSchemaTypes } from './types-schema.ts';
import { propertyName, withComment } from './types-syntax.ts';

/** An event type as a receiver sees it. */
export interface DescribedType {
  readonly name: string;
  readonly description: string;
  /** The JSON Schema of its `data`, if it has one. */
  readonly data?: unknown;
}

const HEAD = `// Made by \`posthorn types\`: event types, for createReceiver<Events>() of @posthorn/receiver.
// Make it anew instead of changing it.
`;

/**
 * The module that a receiver imports its event types from. The same types give the same text, whatever
 * their order. `document` is what the `$ref`s of their schemas lead into.
 */
export function typesText(types: readonly DescribedType[], document: unknown): string {
  const schemas = createSchemaTypes(document);
  const sorted = types.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const members = sorted.map(({ name, description, data }) => {
    const type = data === undefined ? ANY_OBJECT : dataType(schemas.typeOf(data));
    return withComment({ description }, `${propertyName(name)}: ${type};`);
  });
  const body = members.map((member) => `\n  ${member.replaceAll('\n', '\n  ')}`).join('');
  const events = `/** Event type → its data. */\nexport interface Events {${body}\n}\n`;
  return [HEAD, events, ...schemas.declarations().map((each) => `${each}\n`)].join('\n');
}

/** `data` is an object whatever its schema leaves open. */
function dataType(type: string): string {
  return type === 'unknown' ? ANY_OBJECT : type;
}
