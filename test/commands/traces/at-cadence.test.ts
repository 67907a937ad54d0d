import t from 'tap'
import { atCadence } from '../../../src/commands/traces/at-cadence.js'
import { recorded } from './recorded.js'

const run = recorded('a', 1, [[0.1, 0], [0.2, 0], [0.3, 0], [0.4, 1], [0.5, 1]]) // a step every 10 tokens
const asked = (every: number, growth: number, probeTokens: number | null, of = run) =>
  atCadence(of, { cadence: { checkEveryTokens: every, checkGrowth: growth, minTokens: 0 }, probeTokens })
const stepsOf = ({ steps }: { readonly steps: ReadonlyArray<{ readonly tokens: number, readonly probeTokens: number }> }) =>
  steps.map(({ tokens, probeTokens }) => [tokens, probeTokens])

t.test('of the recorded steps, those that are due remain, with what their probes cost', async (t) => {
  t.strictSame(stepsOf(asked(1, 0, 3)), [[10, 3], [20, 6], [30, 9], [40, 12], [50, 15]])
  t.strictSame(stepsOf(asked(20, 0, 3)), [[20, 3], [40, 6]])
  t.strictSame(stepsOf(asked(10, 1, 3)), [[10, 3], [20, 6], [40, 9]], 'twice as far each time')
  t.equal(asked(20, 0, 3).probeTokens, 6)
  t.strictSame(asked(1, 0, null), run, 'nothing changes where nothing is asked for')
})

t.test('a step that is left out takes its own cost with it', async (t) => {
  const costly = asked(1, 0, 3)
  t.strictSame(stepsOf(asked(20, 0, null, costly)), [[20, 3], [40, 6]])
})
