import { SettingsSchema } from '../service/config/settings.js'
import { ConfigError } from '../settings/environment.js'
import { serve } from '../app/server.js'
import { alignColumns, type CommandIo } from './command-line/command-io.js'
import { refuseArguments } from './command-line/flags.js'
import { CommandError, UsageError } from './command-line/command-error.js'

const settings = Object.entries(SettingsSchema.properties as Record<string, { description?: string, default?: unknown }>)
  .map(([name, { description = '', default: value }]) => [`  ${name}`, `${description}; default ${JSON.stringify(value)}`])

export const usage = `Usage: stopgate serve

Runs the HTTP service until it receives SIGTERM or SIGINT. This is the default command.

Settings (environment variables):
${alignColumns(settings, [true, true]).join('\n')}

Example:
  PORT=8080 DATA_DIR=./data stopgate serve
`

/** `stopgate serve`. */
export async function run (args: readonly string[], { env }: CommandIo): Promise<void> {
  refuseArguments('serve', args)
  try {
    await serve({ env })
  } catch (error) {
    const { message } = error as Error
    throw error instanceof ConfigError ? new UsageError(message) : new CommandError(message, { cause: error })
  }
}
