import { VERSION } from '../version.js'
import { CommandError, UsageError } from './command-line/command-error.js'
import type { CommandIo } from './command-line/command-io.js'

interface Command {
  readonly summary: string
  /** Loads the command when it is needed, so that `vectors` starts without an HTTP server in memory. */
  readonly load: () => Promise<{ usage: string, run: (args: readonly string[], io: CommandIo) => Promise<void> }>
}

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: { summary: 'run the HTTP service (the default)', load: () => import('./serve.js') },
  demo: { summary: 'watch thresholds being learned for simulated models, withdrawn and learned again', load: () => import('./demo/demo.js') },
  proxy: { summary: 'proxy a model server and stop reasoning early', load: () => import('./proxy.js') },
  estimate: { summary: 'say what would be saved on your own prompts, and whether to go on', load: () => import('./estimate/estimate.js') },
  evaluate: { summary: 'say what rules, and the service itself, save and lose on recorded generations', load: () => import('./evaluate/evaluate.js') },
  'import-run': { summary: 'report checkpoints of a training run (EM and tokens) to the service', load: () => import('./import-run/import-run.js') },
  conformance: { summary: 'check a worker or a local decider in any language', load: () => import('./conformance/conformance.js') },
  token: { summary: 'create an access token and its entry for the service', load: () => import('./token.js') },
  vectors: { summary: 'print test vectors for clients that decide locally', load: () => import('./vectors/vectors.js') },
  openapi: { summary: 'print the OpenAPI document', load: () => import('./openapi.js') },
  export: { summary: 'write the state of the store, for a backup or a move', load: () => import('./export.js') },
  import: { summary: 'load an exported state into a store', load: () => import('./import.js') },
}

const USAGE = `Usage: stopgate [command] [options]

Commands:
${Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`).join('\n')}

Run \`stopgate COMMAND --help\` for the options of a command and an example, or \`stopgate --version\`.
`

const HELP = ['--help', '-h']

/** Runs a command; `serve` if the words name none. @returns the exit code */
export async function runCommandLine (words: readonly string[], io: CommandIo): Promise<number> {
  const [first = 'serve', ...rest] = words
  if (HELP.includes(first)) { io.stdout.write(USAGE); return 0 }
  if (first === '--version') { io.stdout.write(`${VERSION}\n`); return 0 }
  const [name, args] = first.startsWith('-') ? ['serve', words] : [first, rest]
  try {
    if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`unknown command ${JSON.stringify(name)}: the commands are ${Object.keys(COMMANDS).join(', ')}`)
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
