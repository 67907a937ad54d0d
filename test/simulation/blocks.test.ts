import t from 'tap'
import type { LoggedStep } from '../../src/core/outcome/outcome.js'
import { outcomeOf, LEAF, memoryFold, SLICE, SURE_STEP } from '../core/learn/memory-fold.js'
import { mulberry32 } from '../random.js'

const RUNS = 10
const BROKEN = 2000
const REPAIRED = 2000
/** Generations that a slice enrols. */
const AT_ONCE = 20

/** What is known of the probed answer of a generation; half of them differ from the final one. */
type Grading = (draw: number) => Partial<LoggedStep>

/** The grader gives every answer the same grade. */
const broken: Grading = (draw) => ({ agreement: draw < 0.5 ? 0 : 1 })
/** Stopping loses 3 points at a bound of 2. */
const lossy: Grading = (draw) => ({ agreement: draw < 0.5 ? 0 : 1, exact_match: draw < 0.03 ? 0 : 1 })
const lossless: Grading = (draw) => ({ agreement: draw < 0.5 ? 0 : 1, exact_match: draw < 0.01 ? 0 : 1 })

/** Whether a threshold comes into force, and in which epoch, after a broken grader was repaired. */
function afterRepair (seed: number, repaired: Grading) {
  const fold = memoryFold()
  const random = mulberry32(seed * 7919)
  let units = 0
  const play = (grading: Grading, count: number) => {
    for (const last = units + count; units < last;) {
      const steps = [{ ...SURE_STEP, ...grading(random()) }]
      const generation_id = `g${units++}`
      fold.learn(outcomeOf({ generation_id, answer_digest: generation_id, steps }), Math.floor(units / AT_ONCE) * SLICE)
    }
  }
  play(broken, BROKEN)
  const before = fold.changes.length
  play(repaired, REPAIRED)
  return { before, causes: fold.changes.map(({ cause }) => cause), epoch: fold.state(LEAF).epoch.number }
}

t.test('E9: nothing that a broken grader has shown certifies a threshold once it is repaired', async (t) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const { before, causes, epoch } = afterRepair(seed, lossy)
    t.equal(before, 0)
    t.same([causes, epoch], [['repair'], 2], `seed ${seed}`)
  }
})

t.test('E9: evidence that is gathered after the repair certifies', async (t) => {
  const { causes, epoch } = afterRepair(1, lossless)
  t.same([causes, epoch], [['repair', 'evidence'], 2])
})
