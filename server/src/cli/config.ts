import { examineSettings, type Given, type Origin, type Reading } from './read-settings.ts';
import { type Mode, SETTINGS, type Setting } from './settings.ts';

/** A setting as `posthorn config` shows it; of a secret no more than whether there is one. */
interface ShownSetting {
  name: string;
  /** As it would be written; null: there is none, or it is not valid. */
  value: string | null;
  origin: Origin;
  secret: boolean;
  fault: string | null;
}

export interface ShownConfig {
  mode: Mode;
  settings: readonly ShownSetting[];
  /** All of them, those of no single setting included; empty: a server would start with these. */
  faults: readonly string[];
}

export function showConfig(given: Given): ShownConfig {
  const { readings, faults } = examineSettings(given);
  return { mode: given.mode, settings: readings.map(shown), faults };
}

function shown({ name, text, origin, fault }: Reading): ShownSetting {
  const { env, secret, shown = (valid) => valid }: Setting<unknown> = SETTINGS[name];
  const value = secret && fault === null ? setOrNot(text) : text && shown(text);
  return { name: env, value, origin, secret, fault };
}

function setOrNot(text: string | null): string {
  return text === null ? 'not set' : 'set';
}

/** The same for people: a line per setting, in columns. */
export function configTable({ settings }: ShownConfig): string {
  const rows = settings.map((setting) => [setting.name, readable(setting), setting.origin]);
  const table = [['SETTING', 'VALUE', 'ORIGIN'], ...rows];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return table.map((row) => line(row).join('  ')).join('\n');
}

function readable({ value, origin, fault }: ShownSetting): string {
  // A default is never at fault; what is, is that there is none.
  if (fault !== null) return origin === 'default' ? 'MISSING' : 'NOT VALID';
  if (value === null) return 'not set';
  return value === '' ? '(empty)' : value;
}
