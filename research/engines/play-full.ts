import { alignColumns } from '../../src/cli/command-line/command-io.js'
import type { ServiceProcess } from '../../test/service-process.js'
import { lastLine } from './child-processes.js'
import { MODELS, PYTHON, startEngine, startTogether } from './start-engine.js'

/** Seats of the engine. */
const SEATS = '16'
const CONTEXT = 'model=reasoner,task=force'

interface Row {
  readonly clients: number
  readonly learn: Learnt
  readonly force: Forced
}

type Counts = Readonly<Record<string, number>>

interface Learnt {
  readonly generations: number
  readonly certified_after: number | null
  readonly certified_later: number | null
  readonly counts: Counts
}

/** `wall` is the time of vLLM alone to that with the plug-in; percentiles are those with it to those alone. */
interface Forced {
  readonly generations: number
  readonly stopped: number
  readonly saved: number
  readonly wall: number
  readonly p50: number
  readonly p95: number
  readonly em_off: number
  readonly em_on: number
  readonly counts: Counts
}

/**
 * Asks vLLM with its plug-in by more clients than it has seats, and prints what was learned and saved.
 * @param engineArguments further ones of `vllm serve`
 */
export async function playFull (service: ServiceProcess, engineArguments: readonly string[]): Promise<void> {
  const { start, end } = startTogether()
  try {
    await service.put(`/v1/contexts/${encodeURIComponent(CONTEXT)}/policy`, { control_rate: 0.02 })
    await service.put(`/v1/contexts/${encodeURIComponent(CONTEXT)}/pin`, { threshold: 0.9, reason: 'savings at a known threshold' })
    const url = await service.url()
    const plugin = await startEngine('vllm-plugin', MODELS.boxed, url, start, ['--max-num-seqs', SEATS, ...engineArguments])
    const rows = JSON.parse(await lastLine(start(PYTHON, ['research/engines/run_full.py', '--plugin', plugin, '--service', url]))) as Row[]
    const checks = ({ counts }: { readonly counts: Counts }) => `${counts['probes ok'] ?? 0} / ${counts['probes skipped'] ?? 0}`
    const header = [
      'clients', 'certified after', 'then by few', 'checks made / left out', 'not followed',
      'stopped', 'saved %', 'time', 'p50', 'p95', 'EM alone', 'EM with', 'checks made / left out', 'not followed',
    ]
    const lines = rows.map(({ clients, learn, force }) => [
      String(clients), String(learn.certified_after ?? `not in ${learn.generations}`), String(learn.certified_later ?? '-'),
      checks(learn), String(learn.counts['passed engine_full'] ?? 0),
      `${force.stopped} of ${force.generations}`, (100 * force.saved).toFixed(1), (1 / force.wall).toFixed(2), force.p50.toFixed(2), force.p95.toFixed(2),
      (100 * force.em_off).toFixed(1), (100 * force.em_on).toFixed(1), checks(force), String(force.counts['passed engine_full'] ?? 0),
    ])
    process.stdout.write(alignColumns([header, ...lines], header.map(() => false)).join('\n') + '\n')
  } finally {
    await end()
  }
}
