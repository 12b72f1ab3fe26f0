import type { RequestReceiver } from '../receiver-options.ts';
import type { RequestHeaders } from '../request-headers.ts';
import { alreadyParsed, isRaw } from './body.ts';

const FIX = 'Something parsed event.body before: use no JSON body parser for this function.';

/** What API Gateway (REST and HTTP APIs), function URLs and load balancers hand over. */
export interface LambdaEvent {
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

export interface LambdaResult {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * For AWS Lambda: `export const handler = lambdaHandler(receiver)`. A function is frozen when it
 * has answered, so handlers are always waited for and `ackAfterMs` changes nothing.
 */
export function lambdaHandler(
  receiver: RequestReceiver,
): (event: LambdaEvent) => Promise<LambdaResult> {
  return async (event) => {
    const request = { headers: headersOf(event), body: bodyOf(event) };
    const { status, headers, body } = await receiver.receive(request, { canGoOn: false });
    return { statusCode: status, headers: { ...headers }, body };
  };
}

function headersOf({ headers, multiValueHeaders }: LambdaEvent): RequestHeaders {
  return multiValueHeaders ?? headers ?? {};
}

function bodyOf({ body, isBase64Encoded }: LambdaEvent): string | Uint8Array {
  const given = body ?? '';
  if (!isRaw(given)) throw alreadyParsed(FIX);
  if (isBase64Encoded !== true) return given;
  return Uint8Array.from(atob(given), (character) => character.charCodeAt(0));
}
