import { decide } from '../../src/core/decide/decide.js'
import type { Step } from '../../src/core/decide/step.js'
import { seededSnapshot } from './seeded-snapshot.js'
import { removeFolders } from './processes.js'
import { stepsOf } from './steps.js'

/** Measures decisions in a process of its own, ns of processor time each, with the arm echoed and drawn. */
export interface CoreOrder { readonly contexts: number, readonly decisions: number, readonly rounds: number }
export interface CoreAnswer { readonly echoed: number[], readonly drawn: number[] }

/** Steps as those of requests are: results of object spreads would have hundreds of hidden classes, which slows each decision. */
const parsed = (steps: readonly Step[]): Step[] => JSON.parse(JSON.stringify(steps))

process.on('message', async ({ contexts, decisions, rounds }: CoreOrder) => {
  const snapshot = await seededSnapshot(contexts)
  await removeFolders()
  const steps = stepsOf(Math.min(20_000, decisions), contexts * 0.9)
  const echoed = parsed(steps.map((step) => ({ ...step, arm: step.arm ?? 'treated' as const })))
  const drawn = parsed(steps.map(({ arm: _, ...step }) => step))
  let stops = 0
  const nanoseconds = (asked: readonly Step[]): number => {
    const before = process.cpuUsage()
    for (let i = 0; i < decisions; i++) if (decide(snapshot, 'fresh', asked[i % asked.length]!).would_stop) stops++
    const { user, system } = process.cpuUsage(before)
    return 1000 * (user + system) / decisions
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
