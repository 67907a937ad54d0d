import { parseArgs } from 'node:util'
import { readTraceRuns } from '../simulation/share.js'
import { playLive, recordLive } from './live.js'
import { compareOn, details, summary, type Recording } from './tables.js'

// `npm run compare` prints the tables of docs/evidence/savings.md on the recorded traces, and `npm run compare live` those of the test
// models in llama.cpp. SEEDS is the number of orders, `--generations` how many generations of each task are recorded, and `--folder` keeps
// the recordings, or reuses them.

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { generations: { type: 'string', default: '1000' }, folder: { type: 'string' } },
})
const seeds = Array.from({ length: Number(process.env.SEEDS ?? 10) }, (_, i) => i + 1)

const TASK = ['task']
const VOTES = { levels: TASK, policy: {}, parts: TASK, distances: null, probeTokens: 0 }

/** The traces of test/data. */
const RECORDED: ReadonlyArray<() => Recording> = [
  () => ({ name: 'Frontier models, votes', runs: readTraceRuns('frontier-self-consistency', TASK), ...VOTES }),
  () => ({ name: 'Older models, votes', runs: readTraceRuns('older-self-consistency', TASK), ...VOTES }),
  () => ({
    name: 'Two reasoners',
    runs: readTraceRuns('reasoner', ['model', 'task']),
    levels: ['model', 'task'],
    policy: { certify_at: 'model' },
    parts: ['model'],
    distances: { all: [4, 8, 16, 32], published: 8 },
    probeTokens: 1,
  }),
]

function print (recording: Recording): void {
  const rows = compareOn(recording, seeds)
  process.stdout.write(`## ${recording.name}\n\n${summary(rows)}\n\n${details(recording.name, rows)}\n\n`)
}

async function live (): Promise<void> {
  for (const model of ['single', 'boxed'] as const) {
    const runs = await recordLive(model, Number(values.generations), values.folder)
    const distances = { all: [8, 16, 32, 64], published: 16 }
    const recording = { name: `Test model \`${model}\``, runs, levels: TASK, policy: {}, parts: TASK, distances, probeTokens: 0 }
    print(recording)
    process.stdout.write(`### Test model \`${model}\`: stopgate live\n\n${await playLive(model, Number(values.generations))}\n\n`)
  }
}

if (positionals[0] === 'live') await live()
else for (const make of RECORDED) print(make())
