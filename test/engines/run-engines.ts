import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Test } from 'tap'
import { alignColumns } from '../../src/commands/command-line/align-columns.js'
import { startProcess } from '../service-process.js'
import { lacksTransformers, playTransformers, type TaskFigures } from './play-transformers.js'

/** `npm run engines -- transformers`: the figures of docs/evidence/engines.md. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    generations: { type: 'string', default: '6000' },
    batch: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
  },
})
const known = ['transformers']
const wanted = positionals.length === 0 ? known : positionals
const unknown = wanted.find((engine) => !known.includes(engine))
if (unknown !== undefined) throw new Error(`there is no engine ${unknown}: use ${known.join(', ')}`)

const HEADER = ['task', 'generations', 'control', 'stopped', 'saved %', 'gross %', 'EM in full', 'EM served', 'probes each']

function rowOf (name: string, figures: TaskFigures): string[] {
  const { generations: n, control, stopped, tokens, full_tokens: full, probe_tokens: asked, probes, right, full_right: fullRight } = figures
  const percent = (ratio: number) => (100 * ratio).toFixed(1)
  return [
    name, String(n), String(control), String(stopped), percent(1 - (tokens + asked) / full), percent(1 - tokens / full),
    percent(fullRight / n), percent(right / n), (probes / n).toFixed(1),
  ]
}

function addFigures (a: TaskFigures, b: TaskFigures): TaskFigures {
  const sums = Object.entries(a).map(([field, value]) => [field, (value as number) + b[field as keyof TaskFigures]])
  return Object.fromEntries(sums) as TaskFigures
}

const lacking = await lacksTransformers()
if (lacking !== null) {
  process.stderr.write(`SKIPPED transformers: ${lacking}\n`)
  process.exit(process.env.CI === 'true' ? 1 : 0)
}
const folder = await mkdtemp(join(tmpdir(), 'stopgate-engines-'))
const ends: Array<() => unknown> = [() => rm(folder, { recursive: true, force: true })]
const service = startProcess({ teardown: (end: () => unknown) => { ends.unshift(end) } } as Test, {
  DATA_DIR: folder, DEFAULT_POLICY: JSON.stringify({ check_every_tokens: 16, follow_up_seconds: 60 }),
})
try {
  const { tasks, seconds, client } = await playTransformers({
    url: await service.url(),
    generations: Number(values.generations),
    batch: Number(values.batch),
    seed: Number(values.seed),
    onProgress ({ batch, ms }) { if (batch % 10 === 9) process.stderr.write(`batch ${batch + 1}: ${ms.toFixed(1)} ms a generation\n`) },
  })
  const rows = Object.entries(tasks).map(([task, figures]) => rowOf(task, figures))
  const total = rowOf('all', Object.values(tasks).reduce(addFigures))
  process.stdout.write(alignColumns([HEADER, ...rows, total], HEADER.map((_, i) => i === 0)).join('\n') + '\n')
  const all = Number(values.generations)
  process.stdout.write(`ms a generation: ${(1000 * seconds.full / all).toFixed(1)} in full, ${(1000 * seconds.served / all).toFixed(1)} served\n`)
  process.stdout.write(`calls a generation: ${(client.calls / all).toFixed(2)}; ${JSON.stringify(client)}\n`)
  const contexts = await service.get('/v1/contexts?prefix=model%3Dreasoner')
  for (const { key, threshold, em_drop_high: high, tokens_saved: net } of contexts.body.contexts) {
    process.stdout.write(`${key}: threshold ${threshold}, EM drop at most ${high}, tokens saved by its own estimate ${Math.round(net)}\n`)
  }
} finally {
  for (const end of ends) await end()
}
