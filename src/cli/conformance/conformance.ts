import { CommandError, UsageError } from '../command-line/command-error.js'
import type { CommandIo } from '../command-line/command-io.js'
import { parseFlags, wholeNumber } from '../command-line/flags.js'
import { runVectors } from './decider-vectors.js'
import { observe, runCommandIn, type Pace } from './run-scenarios.js'
import { SCENARIOS, type Scenario } from './scenarios.js'
import { startScriptedService } from './scripted-service.js'
import { TapReport } from './tap-report.js'

export const usage = `Usage: stopgate conformance [options] [-- COMMAND...]
       stopgate conformance --decider -- COMMAND...

Checks a worker or client, in any language, and reports like a test runner (TAP). Exits with 1 if a check fails.

The command is run once per scenario against a scripted service, whose address it gets in STOPGATE_URL. It should play
about 20 generations of 200 tokens or more, and end when all are reported. Without a command, point a running worker at
the address that is printed: the scenarios follow each other as generations come.

With --decider the command decides from a bundle: it reads lines of JSON from its standard input and answers each with
one (docs/integrate/conformance.md).

Options:
  --port N         port of the scripted service (default: a free one with a command, otherwise 8080)
  --scenario NAME  run only this scenario; may be repeated
${SCENARIOS.map(({ name, summary }) => `                     ${name.padEnd(9)}${summary}`).join('\n')}
  --generations N  without a command: generations that each scenario observes, 1 to 10000 (default: 20)
  --limit SECONDS  longest time for a scenario, 1 to 86400 (default: 120)
  --decider        test a local decider against the vectors

Example:
  stopgate conformance -- python3 my_worker.py
`

/** `stopgate conformance`. */
export async function run (args: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals: command } = parseFlags(args, {
    port: { type: 'string' },
    scenario: { type: 'string', multiple: true, default: [] },
    generations: { type: 'string', default: '20' },
    limit: { type: 'string', default: '120' },
    decider: { type: 'boolean', default: false },
  })
  const { stdout } = io
  const write = (text: string) => { stdout.write(text) }
  const scenarios = scenariosOf(values.scenario)
  const port = values.port === undefined ? null : wholeNumber('--port', values.port, 0, 65_535)
  const pace = { generations: wholeNumber('--generations', values.generations, 1, 10_000), limitSeconds: wholeNumber('--limit', values.limit, 1, 86_400) }
  if (values.decider && command.length === 0) throw new UsageError('--decider needs the command of a decider, after --')
  const report = values.decider ? await testDecider(command, io, write) : await testWorker(command, scenarios, port, pace, io, write)
  report.end()
  if (report.hasFailed) throw new CommandError('some checks failed')
}

async function testDecider (command: readonly string[], io: CommandIo, write: (text: string) => void): Promise<TapReport> {
  const report = new TapReport(write)
  await runVectors(command, io, report)
  return report
}

async function testWorker (
  command: readonly string[], scenarios: readonly Scenario[], port: number | null, pace: Pace, io: CommandIo, write: (text: string) => void
): Promise<TapReport> {
  const isRunning = command.length === 0
  const service = await startScriptedService(port ?? (isRunning ? 8080 : 0), io.env)
  const interrupted = new AbortController()
  const interrupt = () => { interrupted.abort() }
  process.once('SIGINT', interrupt)
  try {
    const report = new TapReport(write)
    if (isRunning) {
      io.stderr.write(`stopgate: the scripted service is at ${service.url}: let a worker play generations against it\n`)
      await observe(scenarios, service, pace, interrupted.signal, report)
    } else {
      await runCommandIn(scenarios, service, command, pace, io, report)
    }
    return report
  } catch (error) {
    if (interrupted.signal.aborted) throw new CommandError('interrupted')
    throw error
  } finally {
    process.off('SIGINT', interrupt)
    await service.close()
  }
}

function scenariosOf (names: readonly string[]): readonly Scenario[] {
  const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name))
  if (unknown !== undefined) throw new UsageError(`--scenario must be one of ${SCENARIOS.map(({ name }) => name).join(', ')}, not ${JSON.stringify(unknown)}`)
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name))
}
