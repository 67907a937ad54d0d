import t from 'tap'
import { drawArm } from '../../src/core/assignment/arm.js'
import { emDifference, tokensDifference } from '../../src/core/certificate/arms.js'
import { atMost, mulberry32 } from '../../test/random.js'
import { memoryFold, outcomeOf } from '../../test/core/reducer/memory-fold.js'

// An A/A test through the whole learner. In shadow mode a threshold is in force and arms are drawn, but nothing is stopped, so the arms do
// not differ. The intervals are read after every twentieth generation. The share is fixed, since at most as many treated generations as
// control ones are compared, and `auto` would leave too few for an interval of tokens.

const RUNS = 40
const LEVEL = 0.05

t.test('in shadow mode the arms seem to differ in at most a share of error_level of the runs', async (t) => {
  const seen = { em: 0, tokens: 0 }
  let compared = 0
  for (let run = 1; run <= RUNS; run++) {
    const random = mulberry32(run * 104_729)
    const fold = memoryFold({ mode: 'shadow', control_rate: 0.3 }, { levels: [] })
    const differs = { em: false, tokens: false }
    for (let i = 0; i < 4000; i++) {
      const u = random()
      const arm = drawArm(u, fold.get('*')?.control_share ?? 1)
      const tokens = 64 + Math.floor(900 * random() ** 3)
      const isRight = random() < 0.8
      const step = { tokens: 32, confidence: 0.97, exact_match: isRight || random() < 0.02 ? 1 : 0 } as const
      fold.learn(outcomeOf({ generation_id: `g${i}`, u, arm, context: {}, tokens, full: { exact_match: isRight ? 1 : 0 }, steps: [step] }))
      if (i % 20 > 0) continue
      const { arms } = fold.state('*')
      for (const [figure, difference] of [['em', emDifference(arms, LEVEL)], ['tokens', tokensDifference(arms, LEVEL)]] as const) {
        if (difference === null) continue
        if (difference.low > 0 || difference.high < 0) differs[figure] = true
      }
    }
    compared += fold.state('*').arms.treated.generations
    for (const figure of ['em', 'tokens'] as const) if (differs[figure]) seen[figure]++
  }
  t.ok(compared / RUNS > 1000, `${compared / RUNS} treated generations a run`)
  for (const figure of ['em', 'tokens'] as const) t.ok(seen[figure] / RUNS <= atMost(LEVEL, RUNS), `${figure}: ${seen[figure]} of ${RUNS} runs`)
})
