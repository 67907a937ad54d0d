import fc from 'fast-check'
import t from 'tap'
import { gradeOutcome, outcomeProblem, type LoggedStep } from '../../../src/core/grading/outcome.js'
import { probeTokensOfSteps, withProbeCosts } from '../../../src/core/grading/probe-costs.js'

const stepsAt = (...tokens: number[]): LoggedStep[] => tokens.map((at) => ({ tokens: at, confidence: 0.5 }))
const askedBy = ({ steps }: { readonly steps: readonly LoggedStep[] }) => steps.map(({ asked_tokens: asked }) => asked)

t.test('each step carries the sum of the costs stated so far', (t) => {
  const costs = withProbeCosts({ probe_tokens: 20, steps: [{ probe_tokens: 3 }, {}, { probe_tokens: 4 }] }, stepsAt(16, 32, 48))
  t.strictSame(askedBy(costs), [3, 3, 7])
  t.equal(costs.asked_tokens, 7, 'the rest of the total was spent by the control arm alone')
  t.end()
})

t.test('the total is spread evenly if no step states its cost', (t) => {
  t.strictSame(askedBy(withProbeCosts({ probe_tokens: 10 }, stepsAt(16, 32, 48))), [3, 7, 10])
  t.strictSame(askedBy(withProbeCosts({}, stepsAt(16, 32))), [undefined, undefined], 'nothing was reported')
  t.end()
})

t.test('the sum so far never falls, and ends at what all steps cost', (t) => {
  const cost = fc.integer({ min: 0, max: 50 })
  const asked = fc.array(fc.record({ probe_tokens: cost }, { requiredKeys: [] }), { minLength: 1, maxLength: 20 })
  fc.assert(fc.property(asked, fc.option(cost), (steps, total) => {
    const reported = { steps, ...(total !== null && { probe_tokens: total }) }
    const { asked_tokens: all = 0, ...costs } = withProbeCosts(reported, stepsAt(...steps.map((_, i) => 16 * i)))
    const sums = askedBy(costs).map((asked) => asked ?? 0)
    if (sums.some((sum, i) => i > 0 && sum < sums[i - 1]!)) return false
    return sums.at(-1) === all && all === (probeTokensOfSteps(reported) ?? total ?? 0)
  }))
  t.end()
})

t.test('an outcome keeps its bill, and a total below that of its steps is refused', (t) => {
  const outcome = { generation_id: 'g', tokens: 100, steps: [{ tokens: 16, confidence: 0.4, probe_tokens: 5 }, { tokens: 32, confidence: 0.4, probe_tokens: 5 }] }
  t.match(gradeOutcome('', { ...outcome, probe_prefill_tokens: 64 }), { probe_tokens: 10, probe_prefill_tokens: 64, asked_tokens: 10 })
  t.match(outcomeProblem({ ...outcome, probe_tokens: 9 }), { path: '/probe_tokens', message: /at least 10/ })
  t.equal(outcomeProblem({ ...outcome, probe_tokens: 10 }), null)
  t.notHas(gradeOutcome('', { generation_id: 'g', tokens: 9 }), { probe_tokens: 0 }, 'nothing is written where nothing was spent')
  t.end()
})
