import { readFileSync } from 'node:fs';
import { closest } from '../core/suggest.ts';
import {
  CALLER_VARIABLES,
  fileVariable,
  flagOf,
  type Mode,
  SETTING_NAMES,
  SETTINGS,
  SettingFault,
  type SettingName,
  type Settings,
} from './settings.ts';

export type Origin = 'flag' | 'environment' | 'file' | 'default';

export interface SettingsReport {
  settings: Settings;
  origins: Record<SettingName, Origin>;
}

/** One setting as it was found. */
export interface Reading {
  name: SettingName;
  /** As it was given, or the default; null: there is none. Of a secret too: whoever shows it hides that. */
  text: string | null;
  origin: Origin;
  /** The parsed text; null where there is none. */
  value: unknown;
  /** What is wrong with it, as a whole sentence; null: nothing. */
  fault: string | null;
}

/** All that is wrong with the settings, at once. */
export class SettingsError extends Error {
  override name = 'SettingsError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

export interface Given {
  mode: Mode;
  environment: Readonly<Record<string, string | undefined>>;
  /** By setting; flags win over the environment. */
  flags: Partial<Record<SettingName, string>>;
  /** False for a command that starts no server: it does not need what `serve` needs. */
  isServer?: boolean;
}

/** Throws a `SettingsError` that names every fault. */
export function readSettings(given: Given): SettingsReport {
  const { readings, faults } = examineSettings(given);
  if (faults.length > 0) throw new SettingsError(faults);
  const settings = readings.map(({ name, value }) => [name, value]);
  const origins = readings.map(({ name, origin }) => [name, origin]);
  return { settings: Object.fromEntries(settings), origins: Object.fromEntries(origins) };
}

/** Every setting, faulty or not, in the table's order, and every fault. */
export function examineSettings(given: Given): { readings: Reading[]; faults: string[] } {
  const readings = SETTING_NAMES.map((name) => read(name, given));
  const faults = readings.flatMap(({ fault }) => fault ?? []);
  return {
    readings,
    faults: [...unknownVariables(given.environment), ...faults, ...togetherFaults(readings, given)],
  };
}

/** What is wrong with no setting alone. */
function togetherFaults(readings: readonly Reading[], { mode, isServer = true }: Given): string[] {
  const of = (name: SettingName) => readings.find((reading) => reading.name === name);
  const [processes, database] = [of('processes'), of('databaseUrl')];
  const place = database?.value as Settings['databaseUrl'];
  const isOneFile = database?.fault === null && place?.kind !== 'postgres';
  if (mode !== 'serve' || !isServer || !isOneFile || Number(processes?.value) <= 1) return [];
  const subject =
    processes?.origin === 'flag' ? flagOf(SETTINGS.processes) : SETTINGS.processes.env;
  return [`${subject} must be 1 or unset without a PostgreSQL: a data file is one process's.`];
}

function read(name: SettingName, given: Given): Reading {
  const setting = SETTINGS[name];
  const origin = originOf(name, given);
  try {
    const text = textOf(name, origin, given);
    const serves = given.mode === 'serve' && (given.isServer ?? true);
    if (text === null && serves && setting.neededToServe !== null) {
      throw new SettingFault(`is needed: ${setting.neededToServe}`);
    }
    return { name, origin, text, value: text === null ? null : setting.parse(text), fault: null };
  } catch (error) {
    if (!(error instanceof SettingFault)) throw error;
    const subject = origin === 'flag' ? flagOf(setting) : setting.env;
    const fault = `${subject} ${error.message}`.replace(/\.?$/, '.');
    return { name, origin, text: null, value: null, fault };
  }
}

function originOf(name: SettingName, { environment, flags }: Given): Origin {
  const { env, secret, emptyIsValue } = SETTINGS[name];
  const isGiven = (text: string | undefined) => text !== undefined && (text !== '' || emptyIsValue);
  if (isGiven(flags[name])) return 'flag';
  if (isGiven(environment[env])) return 'environment';
  return secret && isGiven(environment[fileVariable(env)]) ? 'file' : 'default';
}

function textOf(
  name: SettingName,
  origin: Origin,
  { mode, environment, flags }: Given,
): string | null {
  const { env, secret, default: fallback } = SETTINGS[name];
  const file = environment[fileVariable(env)] ?? '';
  switch (origin) {
    case 'flag':
      return flags[name] ?? null;
    case 'environment':
      if (!secret || file === '') return environment[env] ?? null;
      throw new SettingFault(`is given twice: unset it or ${fileVariable(env)}`);
    case 'file':
      return readSecretFile(file);
    case 'default':
      return fallback[mode];
  }
}

/** A secret in a file of its own, as container platforms mount them; a line end at its end is not part of it. */
function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    throw new SettingFault(`cannot be read from its file: ${(error as Error).message}`);
  }
}

function unknownVariables(environment: Given['environment']): string[] {
  const known: string[] = Object.values(SETTINGS).flatMap(({ env, secret }) =>
    secret ? [env, fileVariable(env)] : [env],
  );
  return Object.keys(environment)
    .filter(
      (name) => name.startsWith('POSTHORN_') && ![...known, ...CALLER_VARIABLES].includes(name),
    )
    .map((name) => {
      const suggestion = closest(name, known);
      const hint = suggestion === undefined ? '' : ` Did you mean ${suggestion}?`;
      return `${name} is not a setting.${hint}`;
    });
}
