import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Fault } from '../core/errors.ts';
import { escapePointer } from '../core/json-scan.ts';
import type { DescribedData } from '../core/ports.ts';
import {
  isSchema,
  partsOf,
  placesOf,
  resolve,
  type Schema,
  type SchemaPlace,
  type SchemaPlaces,
} from '../core/schema-places.ts';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
const FAULTS_MAX = 20;
/** Of a validator's own words, which may quote a pattern. */
const WORDS_CHARS_MAX = 200;

/**
 * What is wrong with a schema of `data` and with its example. It runs what the schema says, which may
 * take any time: only in a thread that can be ended.
 */
export function dataSchemaFaults({ schema, example }: DescribedData): Fault[] {
  const value = JSON.parse(schema);
  for (const faults of stepsOf(value, example === null ? undefined : JSON.parse(example))) {
    if (faults.length > 0) return firstOfEach(faults);
  }
  return [];
}

/** Each step relies on the ones before. */
function* stepsOf(schema: Schema, example: unknown): Generator<Fault[]> {
  const ajv = new Ajv2020({
    allErrors: true,
    logger: false,
    // Words that it does not know say nothing, as the specification has it, and a format is a remark.
    strict: false,
    validateFormats: false,
    validateSchema: false,
    // A part that stands in many places is compiled once.
    inlineRefs: false,
    ownProperties: true,
  });
  yield rootFaults(schema);
  yield ajv.validateSchema(schema) === true ? [] : (ajv.errors ?? []).map(schemaFault);
  const places = placesOf(schema);
  yield places.flatMap((place) => placeFaults(place, places));
  yield endlessFaults(places);
  const compiled = compile(ajv, schema);
  if (Array.isArray(compiled)) yield compiled;
  else if (example !== undefined) yield exampleFaults(compiled, example);
}

function rootFaults({ $schema, $async, type }: Schema): Fault[] {
  return [
    ...($schema === undefined || $schema === DIALECT || $schema === `${DIALECT}#`
      ? []
      : [fault('/$schema', `A schema is of draft 2020-12: leave "$schema" out, or "${DIALECT}".`)]),
    ...(type === undefined || type === 'object'
      ? []
      : [fault('/type', 'The data of an event is an object: leave "type" out, or "object".')]),
    ...($async === undefined ? [] : [fault('/$async', 'JSON Schema has no "$async".')]),
  ];
}

function schemaFault({ instancePath, message = '', params }: ErrorObject): Fault {
  const { allowedValues } = params as { allowedValues?: unknown[] };
  const values = allowedValues === undefined ? '' : `: ${allowedValues.join(', ')}`;
  return fault(instancePath, `This is no JSON Schema: ${shortened(message + values)}.`);
}

function placeFaults({ pointer, schema }: SchemaPlace, places: SchemaPlaces): Fault[] {
  const { $id, pattern, patternProperties } = schema;
  return [
    ...['$ref', '$dynamicRef'].flatMap((keyword) =>
      referenceFaults(schema[keyword], `${pointer}/${keyword}`, places),
    ),
    ...($id === undefined || pointer === ''
      ? []
      : [fault(`${pointer}/$id`, 'Only the whole schema may have an "$id".')]),
    ...(typeof pattern === 'string' ? patternFaults(pattern, `${pointer}/pattern`) : []),
    ...(isSchema(patternProperties)
      ? Object.keys(patternProperties).flatMap((each) =>
          patternFaults(each, `${pointer}/patternProperties/${escapePointer(each)}`),
        )
      : []),
  ];
}

function referenceFaults(reference: unknown, pointer: string, places: SchemaPlaces): Fault[] {
  if (typeof reference !== 'string') return [];
  if (!reference.startsWith('#')) {
    const detail =
      'Nothing is fetched: a reference begins with "#" and leads to a place in this schema. Put what it means into "$defs".';
    return [{ ...fault(pointer, detail), code: 'remote_reference' }];
  }
  try {
    const target = resolve(places[0].schema, reference);
    if (typeof target === 'boolean') return [];
    if (places.some(({ schema }) => schema === target)) return [];
  } catch {
    // Said below.
  }
  return [fault(pointer, 'This leads to no schema within this one.')];
}

function patternFaults(pattern: string, pointer: string): Fault[] {
  try {
    new RegExp(pattern, 'u');
    return [];
  } catch (error) {
    return [fault(pointer, `${shortened((error as Error).message)}.`)];
  }
}

/** A schema that asks itself of the same value never comes to an end. */
function endlessFaults(places: SchemaPlaces): Fault[] {
  const states = new Map<Schema, 'open' | 'done'>();
  const endless = new Set<Schema>();
  for (const { schema } of places) visit(schema);
  return places
    .filter(({ schema }) => endless.has(schema))
    .map(({ pointer }) => {
      return fault(pointer, 'This refers to itself for the same value, and so without end.');
    });

  function visit(schema: Schema): void {
    if (states.has(schema)) return;
    states.set(schema, 'open');
    for (const next of askedOfSameValue(schema, places[0].schema)) {
      if (states.get(next) === 'open') endless.add(schema);
      visit(next);
    }
    states.set(schema, 'done');
  }
}

function askedOfSameValue(schema: Schema, root: Schema): Schema[] {
  const references = [schema.$ref, schema.$dynamicRef].filter((each) => typeof each === 'string');
  return [
    ...references.map((each) => resolve(root, each)).filter(isSchema),
    ...partsOf(schema).flatMap((part) => (part.isOfSameValue ? [part.schema] : [])),
  ];
}

function compile(ajv: Ajv2020, schema: Schema): ValidateFunction | Fault[] {
  try {
    return ajv.compile(schema);
  } catch (error) {
    // No stack left.
    if (error instanceof RangeError) throw error;
    return [fault('', `This schema cannot be used: ${shortened((error as Error).message)}.`)];
  }
}

function exampleFaults(fits: ValidateFunction, example: unknown): Fault[] {
  if (fits(example)) return [];
  return (fits.errors ?? []).map(({ instancePath, params, message = '' }) => {
    const member =
      params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty;
    const path = member === undefined ? '' : `/${escapePointer(String(member))}`;
    return {
      pointer: `/example${instancePath}${path}`,
      code: 'schema_not_met',
      detail: `The example does not fit the schema: ${shortened(message)}.`,
    };
  });
}

/** A fault in the schema itself. */
function fault(pointer: string, detail: string): Fault {
  return { pointer: `/schema${pointer}`, code: 'invalid_schema', detail };
}

/** One for each place: alternatives have something to say for each of them. */
function firstOfEach(faults: readonly Fault[]): Fault[] {
  const byPointer = new Map(faults.toReversed().map((each) => [each.pointer, each]));
  return faults.filter((each) => byPointer.get(each.pointer) === each).slice(0, FAULTS_MAX);
}

function shortened(words: string): string {
  return words.length > WORDS_CHARS_MAX ? `${words.slice(0, WORDS_CHARS_MAX)}…` : words;
}
