#!/usr/bin/env node
import './compile-cache.ts';
import './v8-flags.ts';
import './thread-pool.ts';
import { Command, Option } from 'commander';
import { configTable, showConfig } from './config.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { endAfterFailure } from './failure.ts';
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
import { version } from './version.ts';

/** The settings that say where the data is. */
const DATA_PLACE = ['dataDir', 'databaseUrl'] as const;

type Options = Record<string, string | boolean | undefined>;

const program = new Command('posthorn')
  .description('A webhooks server: durable, signed, isolated delivery of events.')
  .version(version())
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_CODES.usage))
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
backup();
restore();
migrate();
types();

// What this process writes (data, keys, backups) is its owner's alone.
process.umask(0o077);
await program.parseAsync();

function server(mode: Mode, description: string, run: (settings: Settings) => Promise<void>): void {
  const command = program.command(mode).description(description);
  addSettings(command, ({ default: fallback }) => fallback[mode] ?? '');
  command.action(async (options: Options) => {
    try {
      await run(readSettings(givenBy(mode, options)).settings);
    } catch (error) {
      endAfterFailure(error);
    }
  });
}

function config(): void {
  const command = program
    .command('config')
    .description(
      'Print every setting with its value and where that comes from; secrets are hidden.',
    )
    .addOption(new Option('--mode <mode>', 'for which form').choices(MODES).default('serve'))
    .option('--json', 'as JSON');
  addSettings(command, ({ default: { dev, serve } }) =>
    dev === serve ? (serve ?? '') : `${serve || 'none'}, dev: ${dev || 'none'}`,
  );
  command.action(({ mode, json, ...options }: Options & { mode: Mode }) => {
    const shown = showConfig(givenBy(mode, options));
    console.log(json ? JSON.stringify(shown, null, 2) : configTable(shown));
    if (shown.faults.length > 0) endAfterFailure(new SettingsError(shown.faults));
  });
}

function backup(): void {
  const command = program
    .command('backup <file>')
    .description('Copy the data to a new file, checked; a server may be running.');
  addSettings(command, ({ default: { serve } }) => serve ?? '', DATA_PLACE);
  command.action(async (file: string, options: Options) => {
    try {
      const { backupCommand } = await import('./backup.ts');
      await backupCommand(
        readSettings({ ...givenBy('serve', options), isServer: false }).settings,
        file,
      );
    } catch (error) {
      endAfterFailure(error);
    }
  });
}

function restore(): void {
  const command = program
    .command('restore <file>')
    .description('Put a backup in the place of the data; no server may be running.')
    .option('--force', 'keep data that is there under another name, instead of refusing');
  addSettings(command, ({ default: { serve } }) => serve ?? '', DATA_PLACE);
  command.action(async (file: string, { force = false, ...options }: Options) => {
    try {
      const { restoreCommand } = await import('./backup.ts');
      const { settings } = readSettings({ ...givenBy('serve', options), isServer: false });
      await restoreCommand(settings, file, { force: force === true });
    } catch (error) {
      endAfterFailure(error);
    }
  });
}

function migrate(): void {
  const command = program
    .command('migrate')
    .description('Bring the schema of a PostgreSQL up to date; servers may be running.')
    .addOption(
      new Option('--status', 'only say what has run and what is missing').conflicts('dryRun'),
    )
    .option('--dry-run', 'only print the statements that would run')
    .addOption(
      new Option(
        '--distribute',
        'then spread the tables over a Citus cluster by account',
      ).conflicts(['status', 'dryRun']),
    );
  addSettings(command, ({ default: { serve } }) => serve ?? '', DATA_PLACE);
  command.action(async ({ status, dryRun, distribute, ...options }: Options) => {
    try {
      const { migrateCommand } = await import('./migrate.ts');
      const { settings } = readSettings({ ...givenBy('serve', options), isServer: false });
      const mode = status ? 'status' : dryRun ? 'dry-run' : distribute ? 'distribute' : 'run';
      const isComplete = await migrateCommand(settings, mode);
      if (!isComplete) process.exitCode = EXIT_CODES.failed;
    } catch (error) {
      endAfterFailure(error);
    }
  });
}

function types(): void {
  const command = program
    .command('types')
    .description('Print the event types as TypeScript, for receivers: posthorn types > events.d.ts')
    .addOption(
      new Option('--url <url>', 'the server to ask; its key comes from POSTHORN_API_KEY')
        .env('POSTHORN_URL')
        .default('http://127.0.0.1:4900'),
    )
    .addOption(
      new Option('--openapi <file>', 'an OpenAPI 3.1 document with webhooks, instead of a server'),
    );
  addSettings(command, ({ default: { dev } }) => dev ?? '', ['dataDir']);
  command.action(async ({ url, openapi, ...options }: Options & { url: string }) => {
    try {
      const { typesOfFile, typesOfServer } = await import('./types.ts');
      if (typeof openapi === 'string') return typesOfFile(openapi);
      const { settings } = readSettings({ ...givenBy('dev', options), isServer: false });
      await typesOfServer({ url, environment: process.env, dataDir: settings.dataDir });
    } catch (error) {
      endAfterFailure(error);
    }
  });
}

/** A flag for every setting but secrets. */
function addSettings(
  command: Command,
  defaultOf: (setting: { default: Record<Mode, string | null> }) => string,
  names: readonly SettingName[] = SETTING_NAMES,
): void {
  for (const setting of names.map((name) => SETTINGS[name])) {
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
