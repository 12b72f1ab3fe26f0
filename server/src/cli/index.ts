#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { readSettings, SettingsError } from './read-settings.ts';
import { flagOf, type Mode, SETTINGS, type SettingName, type Settings } from './settings.ts';

/** Exit codes: 0 ok, 1 failed, 2 wrong use. */
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const program = new Command('posthorn')
  .description('A webhooks server: durable, signed, isolated delivery of events.')
  .version(version())
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
  .showHelpAfterError('Try "posthorn --help".');

command(
  'dev',
  'Run a server to try things with: keys are made, loopback is allowed.',
  async (settings) => {
    const { dev } = await import('./dev.ts');
    await dev(settings);
  },
);
command(
  'serve',
  'Run a server for production: keys come from you, private addresses are refused.',
  async (settings) => {
    const { serve } = await import('./serve.ts');
    await serve(settings);
  },
);

await program.parseAsync();

function command(
  mode: Mode,
  description: string,
  run: (settings: Settings) => Promise<void>,
): void {
  const added = program.command(mode).description(description);
  for (const setting of Object.values(SETTINGS)) {
    if (setting.secret) continue;
    const fallback = setting.default[mode];
    const shown = fallback === null || fallback === '' ? '' : ` (default: ${fallback})`;
    added.option(`${flagOf(setting)} <value>`, `${setting.describe}${shown} [${setting.env}]`);
  }
  added.action(async (options: Record<string, string>) => {
    try {
      const flags = flagsOf(options);
      await run(readSettings({ mode, environment: process.env, flags }).settings);
    } catch (error) {
      fail(error);
    }
  });
}

function flagsOf(options: Record<string, string>): Partial<Record<SettingName, string>> {
  const flags: Partial<Record<SettingName, string>> = {};
  for (const [name, setting] of Object.entries(SETTINGS)) {
    // Commander turns `--retry-schedule` into `retrySchedule`.
    const option = flagOf(setting)
      .slice(2)
      .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const text = options[option];
    if (text !== undefined) flags[name as SettingName] = text;
  }
  return flags;
}

function fail(error: unknown): never {
  if (error instanceof SettingsError) {
    for (const fault of error.faults) console.error(fault);
    process.exit(EXIT_USAGE);
  }
  const { name, message, code } = error as Error & { code?: string };
  if (code === 'EADDRINUSE')
    console.error(`${message}. Choose another port with POSTHORN_PORT or --port.`);
  else if (name === 'DataFileInUseError' || name === 'Error') console.error(message);
  else console.error(error);
  process.exit(EXIT_FAILED);
}

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return JSON.parse(manifest).version;
}
