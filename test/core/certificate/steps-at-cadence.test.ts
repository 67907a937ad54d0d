import fc from 'fast-check'
import t from 'tap'
import { stepsAtCadence } from '../../../src/core/certificate/steps-at-cadence.js'
import type { Cadence } from '../../../src/core/policy/cadence.js'
import { holds } from '../../property.js'

const every = (checkEveryTokens: number, checkGrowth = 0, minTokens = 0): Cadence => ({ checkEveryTokens, checkGrowth, minTokens })

/** A run that was asked at every `distance` tokens, with what the probes up to each step cost. */
function stepsOf (distance: number, costs: readonly number[]) {
  let sum = 0
  return costs.map((cost, i) => {
    sum += cost
    return { tokens: distance * (i + 1), probeTokens: sum }
  })
}

const runs = fc.record({ distance: fc.integer({ min: 1, max: 40 }), costs: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }) })
const growths = fc.constantFrom(0, 0.1, 0.3, 1)

t.test('the recorded cadence changes nothing', async (t) => {
  holds(t, fc.property(runs, ({ distance, costs }) => {
    const steps = stepsOf(distance, costs)
    t.strictSame(stepsAtCadence(steps, every(distance)).steps, steps)
  }))
})

t.test('a multiple of the recorded distance shows exactly what schedule at it does', async (t) => {
  holds(t, fc.property(runs, fc.integer({ min: 1, max: 8 }), growths, ({ distance, costs }, times, growth) => {
    const cadence = every(distance * times, growth)
    const dense = stepsAtCadence(stepsOf(1, Array(distance * costs.length).fill(1)), cadence, 0) // a run that is asked at every token
    const replayed = stepsAtCadence(stepsOf(distance, costs), cadence, 0)
    t.strictSame(replayed.steps.map(({ tokens }) => tokens), dense.steps.map(({ tokens }) => tokens))
  }))
})

t.test('asking less often twice is schedule less often once', async (t) => {
  holds(t, fc.property(runs, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), ({ distance, costs }, once, twice) => {
    const steps = stepsOf(distance, costs)
    const between = stepsAtCadence(steps, every(distance * once), 3).steps
    const less = every(distance * once * twice)
    t.strictSame(stepsAtCadence(between, less).steps, stepsAtCadence(steps, less, 3).steps)
  }))
})

t.test('a check between recorded steps comes at the next of them, and each step costs what its own probe did', async (t) => {
  const steps = stepsOf(10, [1, 2, 3, 4, 5, 6])
  const expected = [{ tokens: 30, probeTokens: 3 }, { tokens: 50, probeTokens: 8 }]
  t.strictSame(stepsAtCadence(steps, every(25)), { steps: expected, probeTokens: 8 })
  t.strictSame(stepsAtCadence(steps, every(10, 0, 45)).steps.map(({ tokens }) => tokens), [50, 60], 'nothing is asked before min_tokens')
})

t.test('steps that say nothing of probes stay free', async (t) => {
  t.strictSame(stepsAtCadence([{ tokens: 10 }, { tokens: 20 }], every(20)), { steps: [{ tokens: 20 }] })
})
