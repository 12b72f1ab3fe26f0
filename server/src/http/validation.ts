import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import { type Fault, PosthornError, toldFirst } from '../core/errors.ts';
import { escapePointer } from '../core/json-scan.ts';
import { closest } from '../core/suggest.ts';

const FAULTS_MAX = 20;

/** Bodies are taken as they are; what stands in a URL is text and is read as the schema's type. */
const shared = { allErrors: true, verbose: true, allowUnionTypes: true };
const strict = new Ajv({ ...shared, coerceTypes: false, useDefaults: false });
const coercing = new Ajv({ ...shared, coerceTypes: true, useDefaults: true });

/** Compiles a route's schemas into checks that throw our own errors. */
export const compileValidator: FastifySchemaCompiler<object> = ({ schema, httpPart }) => {
  const isBody = httpPart === 'body';
  const validate = (isBody ? strict : coercing).compile(schema);
  const { default: fallback } = schema as { default?: object };
  return (value: unknown) => {
    if (isBody && value == null) {
      return fallback === undefined ? { error: emptyBody() } : { value: { ...fallback } };
    }
    return validate(value) ? { value } : { error: refusal(validate, isBody) };
  };
};

function emptyBody(): PosthornError {
  return new PosthornError('malformed_json', 'The body is empty: send a JSON object.');
}

function refusal(validate: ValidateFunction, isBody: boolean): PosthornError {
  // `if` only says that its branch failed, and the branch has said why.
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if');
  const faults = errors.slice(0, FAULTS_MAX).map((error) => fault(error, isBody));
  const code = isBody ? 'invalid_request' : 'invalid_query';
  return new PosthornError(code, toldFirst(faults, { isBody }), { faults });
}

function fault(error: ErrorObject, isBody: boolean): Fault {
  const { code, detail, member } = explain(error, isBody);
  const path = error.instancePath + (member === undefined ? '' : `/${escapePointer(member)}`);
  return { pointer: isBody ? path : path.slice(1), code, detail };
}

interface Explanation {
  code: string;
  detail: string;
  /** The member of the object at `instancePath` that is meant, where it is not that object itself. */
  member?: string;
}

function explain({ keyword, params, parentSchema }: ErrorObject, isBody: boolean): Explanation {
  const schema = parentSchema as { description?: string; properties?: Record<string, unknown> };
  switch (keyword) {
    case 'additionalProperties': {
      const member = String(params.additionalProperty);
      const suggestion = closest(member, Object.keys(schema.properties ?? {}));
      const kind = isBody ? 'member' : 'query parameter';
      const hint = suggestion === undefined ? '' : ` Did you mean "${suggestion}"?`;
      const detail = `The ${kind} "${member.slice(0, 64)}" is not known here.${hint}`;
      return { code: isBody ? 'unknown_member' : 'unknown_parameter', detail, member };
    }
    case 'required': {
      const member = String(params.missingProperty);
      return { code: 'missing_member', detail: `The member "${member}" is missing.`, member };
    }
    case 'type':
      return {
        code: 'wrong_type',
        detail: schema.description ?? `This must be of type ${[params.type].flat().join(' or ')}.`,
      };
    case 'enum':
      return {
        code: 'not_allowed',
        detail: `This must be one of: ${(params.allowedValues as unknown[]).map(String).join(', ')}.`,
      };
    case 'minItems':
      return { code: 'too_few', detail: `At least ${params.limit} is needed.` };
    case 'maxItems':
      return { code: 'too_many', detail: `At most ${params.limit} are allowed.` };
    case 'minLength':
      return { code: 'too_short', detail: `This must not be shorter than ${params.limit}.` };
    case 'maxLength':
      return { code: 'too_long', detail: `This has at most ${params.limit} characters.` };
    case 'minimum':
    case 'maximum':
      return {
        code: 'out_of_bounds',
        detail: `This must be ${params.comparison} ${params.limit}.`,
      };
    case 'uniqueItems':
      return { code: 'duplicate_item', detail: 'An item stands here twice.' };
    case 'minProperties':
      return { code: 'too_few', detail: 'At least one member is needed.' };
    default:
      return { code: 'invalid', detail: schema.description ?? 'This value is not valid.' };
  }
}
