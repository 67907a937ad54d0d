import t from 'tap'
import { BUNDLE_EXAMPLE, DECISION_BATCH_EXAMPLE, DECISION_EXAMPLE, GENERATION_EXAMPLE } from '../../../openapi/examples/decision-examples.js'
import { GenerationSchema } from '../../../openapi/generation-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'

t.test('all forms of decisions use one threshold', async (t) => {
  for (const { decision, score, threshold } of [DECISION_EXAMPLE, DECISION_BATCH_EXAMPLE.decisions[0] as typeof DECISION_EXAMPLE]) {
    t.equal(decision === 'stop', score >= threshold)
  }
  t.equal(BUNDLE_EXAMPLE.rules[BUNDLE_EXAMPLE.root.below['steady-8b'].below.choices.rule]!.threshold, DECISION_EXAMPLE.threshold)
})

t.test('the example matches its schema, and its scores explain its decisions', async (t) => {
  t.equal(itemValidator(GenerationSchema)(GENERATION_EXAMPLE), null)
  for (const { score, threshold, would_stop: would } of GENERATION_EXAMPLE.steps) t.equal(would, score >= threshold)
})
