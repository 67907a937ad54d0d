import { decide } from '../../src/core/decide/decide.js'
import { seededSnapshot } from './seeded-snapshot.js'
import { removeFolders } from './processes.js'
import { stepsOf } from './steps.js'

/** Measures decisions in a process of its own, ns each, with the arm echoed and drawn. */
export interface CoreOrder { readonly contexts: number, readonly decisions: number, readonly rounds: number }
export interface CoreAnswer { readonly echoed: number[], readonly drawn: number[] }

process.on('message', async ({ contexts, decisions, rounds }: CoreOrder) => {
  const snapshot = await seededSnapshot(contexts)
  await removeFolders()
  const made = stepsOf(Math.min(20_000, decisions), contexts * 0.9)
  const steps: typeof made = JSON.parse(JSON.stringify(made)) // parsed, as those of requests are
  const echoed = steps.map((step) => ({ ...step, arm: step.arm ?? 'treated' as const }))
  const drawn = steps.map(({ arm: _, ...step }) => step)
  let stops = 0
  const nanoseconds = (asked: typeof echoed | typeof drawn): number => {
    const startedAt = process.hrtime.bigint()
    for (let i = 0; i < decisions; i++) if (decide(snapshot, 'fresh', asked[i % asked.length]!).would_stop) stops++
    return Number(process.hrtime.bigint() - startedAt) / decisions
  }
  for (const asked of [echoed, drawn, echoed, drawn]) nanoseconds(asked)
  const answer: CoreAnswer = { echoed: [], drawn: [] }
  for (let round = 0; round < rounds; round++) {
    answer.echoed.push(nanoseconds(echoed))
    answer.drawn.push(nanoseconds(drawn))
  }
  if (stops === 0) throw new Error('nothing would have been stopped: the contexts are not certified')
  process.send!(answer)
})
process.send?.('ready')
