import { readFileSync } from 'node:fs';
import { closest } from '../core/suggest.ts';
import {
  flagOf,
  type Mode,
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
}

/** Throws a `SettingsError` that names every fault. */
export function readSettings({ mode, environment, flags }: Given): SettingsReport {
  const faults = unknownVariables(environment);
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [name, setting] of Object.entries(SETTINGS)) {
    try {
      const given = giveText(name as SettingName, { mode, environment, flags });
      settings[name] = given.text === null ? null : setting.parse(given.text);
      origins[name] = given.origin;
    } catch (fault) {
      if (!(fault instanceof SettingFault)) throw fault;
      const flagged = flags[name as SettingName] !== undefined;
      faults.push(`${flagged ? flagOf(setting) : setting.env} ${fault.message}.`);
    }
  }
  if (faults.length > 0) throw new SettingsError(faults);
  return { settings: settings as Settings, origins: origins as Record<SettingName, Origin> };
}

function giveText(
  name: SettingName,
  { mode, environment, flags }: Given,
): { text: string | null; origin: Origin } {
  const { env, secret, emptyIsValue, default: fallback } = SETTINGS[name];
  const isGiven = (text: string | undefined): text is string =>
    text !== undefined && (text !== '' || emptyIsValue);
  const flag = flags[name];
  if (isGiven(flag)) return { text: flag, origin: 'flag' };
  const variable = environment[env];
  const file = secret ? environment[fileVariable(env)] : undefined;
  if (isGiven(variable) && isGiven(file)) {
    throw new SettingFault(`is given twice: unset it or ${fileVariable(env)}`);
  }
  if (isGiven(variable)) return { text: variable, origin: 'environment' };
  if (isGiven(file)) return { text: readSecretFile(file), origin: 'file' };
  return { text: fallback[mode], origin: 'default' };
}

/** A secret in a file of its own, as container platforms mount them; a line end at its end is not part of it. */
function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    throw new SettingFault(`cannot be read from its file: ${(error as Error).message}`);
  }
}

function fileVariable(env: string): string {
  return `${env}_FILE`;
}

function unknownVariables(environment: Given['environment']): string[] {
  const known = Object.values(SETTINGS).flatMap(({ env, secret }) =>
    secret ? [env, fileVariable(env)] : [env],
  );
  return Object.keys(environment)
    .filter(
      (name) => name.startsWith('POSTHORN_') && !known.includes(name as (typeof known)[number]),
    )
    .map((name) => {
      const suggestion = closest(name, known);
      const hint = suggestion === undefined ? '' : ` Did you mean ${suggestion}?`;
      return `${name} is not a setting.${hint}`;
    });
}
