import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '../client/client.ts';
import type { EventType } from '../client/types.ts';
import { SettingsError } from './read-settings.ts';
import { typesOfOpenApi } from './types-openapi.ts';
import { type DescribedType, typesText } from './types-text.ts';

export interface TypesOptions {
  /** The server to ask. */
  url: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where `posthorn dev` keeps its key. */
  dataDir: string;
}

/** `posthorn types`: the event types of a running server as a module for receivers, on standard output. */
export async function typesOfServer(options: TypesOptions): Promise<void> {
  const { url } = options;
  const client = createClient({ baseUrl: url, apiKey: apiKeyFor(options) });
  try {
    const types = await Array.fromAsync(client.eventTypes.list(), described);
    process.stdout.write(typesText(types));
  } catch (cause) {
    throw new Error(`The event types of ${url} were not read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** `posthorn types --openapi <file>`: the same from the `webhooks` of a document, with the types of `data`. */
export function typesOfFile(file: string): void {
  try {
    const document: unknown = JSON.parse(readFileSync(file, 'utf8'));
    process.stdout.write(typesText(typesOfOpenApi(document)));
  } catch (cause) {
    throw new Error(`${file} gives no event types: ${(cause as Error).message}`, { cause });
  }
}

/** A schema is a document of its own. */
function described({ name, description, schema }: EventType): DescribedType {
  return {
    name,
    description,
    ...(schema !== null && { data: { schema, document: schema } }),
  };
}

/** Never a flag: those are visible to every user of the machine. */
function apiKeyFor({ url, environment, dataDir }: TypesOptions): string {
  const { POSTHORN_API_KEY: key, POSTHORN_API_KEY_FILE: file } = environment;
  if (key) return key;
  if (file) return keyIn(file);
  const isHere = ['127.0.0.1', 'localhost', '[::1]'].includes(URL.parse(url)?.hostname ?? '');
  // The key of `posthorn dev` is for nobody but a server on this machine.
  if (isHere) return keyIn(join(dataDir, 'dev-api-key'));
  throw noKey();
}

function keyIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noKey();
    throw error;
  }
}

function noKey(): SettingsError {
  return new SettingsError([
    'POSTHORN_API_KEY is needed: a key of the server (or POSTHORN_API_KEY_FILE, the name of a file with it).',
  ]);
}
