import t from 'tap'
import { coverageOf, drawRun, FEW_QUESTIONS, RUNS, suspendAndReplay, watchRun, type RunKind } from './training-runs.js'
import { median } from './summary.js'

// A small run of what `npm run simulations training` prints.

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1)
const watched = (kind: RunKind) => SEEDS.map((seed) => watchRun(kind, drawRun(kind, seed)))

/** The largest median number of checkpoints that a verdict may need. */
const NEEDED: Record<string, number> = {
  overthinking: 12, tokens_collapsed: 4, length_hacking: 4, costly_shortening: 7, plateau: 13, truncation: 2, same_level: 2,
}

t.test('each verdict comes soon after the turn of its run, and false verdicts are rare', async (t) => {
  for (const kind of RUNS) {
    const runs = watched(kind)
    const wrong = runs.filter((run) => run.wrong.size > 0).length / runs.length
    t.ok(wrong <= (kind.name.startsWith('EM rises') ? 0.25 : 0.2), `${kind.name}: wrong in ${wrong}`)
    if (kind.due === null) { t.ok(runs.every(({ needed }) => needed === Infinity)); t.ok(wrong <= 0.05, kind.name); continue }
    const needed = runs.map((run) => run.needed)
    t.ok(needed.filter((count) => count < Infinity).length >= 0.95 * runs.length, `${kind.name}: ${kind.due} is given`)
    t.ok(median(needed) <= NEEDED[kind.due]!, `${kind.name}: ${median(needed)} checkpoints`)
  }
})

t.test('evaluations of 100 questions seldom give a false tokens_collapsed or plateau', async (t) => {
  t.equal(FEW_QUESTIONS.length, 3)
  for (const kind of FEW_QUESTIONS) {
    const runs = watched(kind)
    for (const [verdict, most] of [['tokens_collapsed', 0.25], ['plateau', 0.15]] as const) {
      if (verdict === kind.due) continue
      const wrong = runs.filter((run) => run.wrong.has(verdict)).length / runs.length
      t.ok(wrong <= most, `${kind.name}: ${verdict} in ${wrong}`)
    }
  }
})

t.test('forecast intervals cover held-out checkpoints about as often as promised', async (t) => {
  for (const kind of RUNS) {
    const sums = { em: { held_out: 0, covered: 0 }, tokens: { held_out: 0, covered: 0 } }
    for (const seed of SEEDS) {
      const found = coverageOf(drawRun(kind, seed))
      for (const figure of ['em', 'tokens'] as const) {
        sums[figure].held_out += found[figure].held_out
        sums[figure].covered += found[figure].covered
      }
    }
    for (const figure of ['em', 'tokens'] as const) {
      const rate = sums[figure].covered / sums[figure].held_out
      t.ok(rate > (kind.name.includes('tokens halve') ? 0.82 : 0.87) && rate < 0.99, `${kind.name}: ${figure} ${rate.toFixed(3)}`)
    }
  }
})

t.test('a job that is suspended and replayed gets the same verdict, and one epoch per checkpoint if its figures repeat', async (t) => {
  const kind = RUNS.find(({ due }) => due === 'overthinking')!
  for (const seed of SEEDS.slice(0, 10)) {
    const same = suspendAndReplay(kind, seed, true)
    t.equal(same.opened, kind.checkpoints)
    t.strictSame(same.readings, drawRun(kind, seed))
    const other = suspendAndReplay(kind, seed, false)
    const replays = Math.floor(kind.checkpoints / 7)
    t.ok(other.opened <= kind.checkpoints + replays, 'one more epoch whenever the newest checkpoint is reported again with other figures')
    t.equal(other.readings.length, kind.checkpoints)
    t.ok(watchRun(kind, other.readings).needed <= 14)
  }
})
