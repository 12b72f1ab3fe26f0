/**
 * What a schema of any library that follows Standard Schema 1 offers (https://standardschema.dev,
 * which asks to copy this rather than to depend on it): Zod, Valibot, ArkType and others.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Named in a message; a schema may find as many as the body has members. */
const ISSUES_SHOWN_MAX = 5;

/** The event is genuine, but its data is not what this receiver expects. */
export class EventSchemaError extends Error {
  readonly issues: readonly SchemaIssue[];

  constructor(type: string, issues: readonly SchemaIssue[]) {
    const shown = issues.slice(0, ISSUES_SHOWN_MAX).map(sentence).join('; ');
    super(`The data of ${type} does not fit its schema (${issues.length}): ${shown}`);
    this.name = 'EventSchemaError';
    this.issues = issues;
  }
}

/** @returns what the schema makes of the data. @throws EventSchemaError */
export async function conform(
  schema: StandardSchema | undefined,
  type: string,
  data: unknown,
): Promise<unknown> {
  if (schema === undefined) return data;
  const result = await schema['~standard'].validate(data);
  if (result.issues !== undefined) throw new EventSchemaError(type, result.issues);
  return result.value;
}

function sentence({ path, message }: SchemaIssue): string {
  const names = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  return `${['data', ...names].join('.')}: ${message}`;
}
