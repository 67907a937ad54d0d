import type { CommandIo } from './command-io.js'
import { CommandError, UsageError } from './command-error.js'

interface Command {
  readonly summary: string
  /** Loaded when asked for, so that `simulate` starts without an HTTP server in memory. */
  readonly load: () => Promise<{ usage: string, run: (args: readonly string[], io: CommandIo) => Promise<void> }>
}

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: { summary: 'run the service (the default)', load: () => import('../serve/serve.js') },
  replay: { summary: 'send recorded generations through the API, and show what was saved and what it cost', load: () => import('../replay/replay.js') },
  evaluate: { summary: 'compare ways to stop on recorded generations: learn, certify and test on groups apart', load: () => import('../evaluate/evaluate.js') },
  simulate: { summary: 'write synthetic generations with a known truth', load: () => import('../simulate/simulate.js') },
  'import-run': { summary: 'report what a training stack wrote: EM and tokens of its checkpoints', load: () => import('../import-run/import-run.js') },
  'export-run': { summary: 'write a training run for TensorBoard, or as JSON lines', load: () => import('../export-run/export-run.js') },
  token: { summary: 'make an access token, and what the service has to know of it', load: () => import('../token/token.js') },
  vectors: { summary: 'print what a worker that decides by itself can test itself against', load: () => import('../vectors/print-vectors.js') },
  openapi: { summary: 'print the OpenAPI document', load: () => import('../openapi/print-openapi.js') },
  export: { summary: 'write the whole state, to keep or to bring to another store', load: () => import('../export/export.js') },
  import: { summary: 'put an exported state into a store', load: () => import('../import/import.js') },
}

const USAGE = `Usage: stopgate [command] [options]

Commands:
${Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`).join('\n')}

stopgate <command> --help says more.
`

const HELP = ['--help', '-h']

/** Runs what the words ask for; without a command it is `serve`. @returns the exit code */
export async function runCommandLine (words: readonly string[], io: CommandIo): Promise<number> {
  const [first = 'serve', ...rest] = words
  if (HELP.includes(first)) { io.stdout.write(USAGE); return 0 }
  const [name, args] = first.startsWith('-') ? ['serve', words] : [first, rest]
  try {
    if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`there is no command ${JSON.stringify(name)}: the commands are ${Object.keys(COMMANDS).join(', ')}`)
    const { usage, run } = await COMMANDS[name]!.load()
    if (args.some((arg) => HELP.includes(arg))) io.stdout.write(usage)
    else await run(args, io)
    return 0
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const hint = error instanceof UsageError ? `Try: stopgate ${Object.hasOwn(COMMANDS, name) ? `${name} ` : ''}--help\n` : ''
    io.stderr.write(`stopgate: ${error.message}\n${hint}`)
    return error.exitCode
  }
}
