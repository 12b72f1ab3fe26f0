#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { configTable, showConfig } from './config.ts';
import { type Given, readSettings, SettingsError } from './read-settings.ts';
import {
  flagOf,
  MODES,
  type Mode,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type Settings,
} from './settings.ts';

/** Exit codes: 0 ok, 1 failed, 2 wrong use. */
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

type Options = Record<string, string | true | undefined>;

const program = new Command('posthorn')
  .description('A webhooks server: durable, signed, isolated delivery of events.')
  .version(version())
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
  .showHelpAfterError('Try "posthorn --help".');

server(
  'dev',
  'Run a server to try things with: keys are made, loopback is allowed.',
  async (settings) => {
    const { dev } = await import('./dev.ts');
    await dev(settings);
  },
);
server(
  'serve',
  'Run a server for production: keys come from you, private addresses are refused.',
  async (settings) => {
    const { serve } = await import('./serve.ts');
    await serve(settings);
  },
);
config();

await program.parseAsync();

function server(mode: Mode, description: string, run: (settings: Settings) => Promise<void>): void {
  const command = program.command(mode).description(description);
  addSettings(command, ({ default: fallback }) => fallback[mode] ?? '');
  command.action(async (options: Options) => {
    try {
      await run(readSettings(givenBy(mode, options)).settings);
    } catch (error) {
      fail(error);
    }
  });
}

function config(): void {
  const command = program
    .command('config')
    .description('Print every setting with its value and where that comes from; secrets are hidden.')
    .addOption(new Option('--mode <mode>', 'for which form').choices(MODES).default('serve'))
    .option('--json', 'as JSON');
  addSettings(command, ({ default: { dev, serve } }) =>
    dev === serve ? (serve ?? '') : `${serve || 'none'}, dev: ${dev || 'none'}`,
  );
  command.action(({ mode, json, ...options }: Options & { mode: Mode }) => {
    const shown = showConfig(givenBy(mode, options));
    console.log(json ? JSON.stringify(shown, null, 2) : configTable(shown));
    if (shown.faults.length > 0) fail(new SettingsError(shown.faults));
  });
}

/** A flag for every setting but secrets. */
function addSettings(
  command: Command,
  defaultOf: (setting: { default: Record<Mode, string | null> }) => string,
): void {
  for (const setting of Object.values(SETTINGS)) {
    if (setting.secret) continue;
    const fallback = defaultOf(setting);
    const shown = fallback === '' ? '' : ` (default: ${fallback})`;
    command.option(`${flagOf(setting)} <value>`, `${setting.describe}${shown} [${setting.env}]`);
  }
}

function givenBy(mode: Mode, options: Options): Given {
  const flags: Partial<Record<SettingName, string>> = {};
  for (const name of SETTING_NAMES) {
    // Commander turns `--retry-schedule` into `retrySchedule`.
    const option = flagOf(SETTINGS[name])
      .slice(2)
      .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const text = options[option];
    if (typeof text === 'string') flags[name] = text;
  }
  return { mode, environment: process.env, flags };
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
