import t from 'tap'
import { contextAtLevels, keyAtLevels, ranInFull, stoppedAt, atCadence } from '../../../src/cli/traces/recorded-run.js'
import { recorded } from './recorded.js'

const run = recorded('a', 1, [[0.5, 0], [0.9, 1]], { answer_tokens: 85, context: { task: 'sum', model: 'q', site: 'x' } })

t.strictSame(ranInFull(run), { tokens: 100, probeTokens: 0, em: 1, isStopped: false })
t.strictSame(stoppedAt(run, run.steps[0]!), { tokens: 95, probeTokens: 0, em: 0, isStopped: true }, 'the answer still has to be given')
t.strictSame(stoppedAt(run, run.steps[1]!), { tokens: 100, probeTokens: 0, em: 1, isStopped: true }, 'never more than in full')

t.strictSame(contextAtLevels(['task'], run), { task: 'sum' }, 'levels that the service lacks are dropped')
t.equal(keyAtLevels(['model', 'task'], run), 'model=q,task=sum')
t.equal(keyAtLevels(['region', 'task'], run), 'region=-,task=sum', 'levels that the run lacks are marked as missing')
t.equal(keyAtLevels([], run), '*')
t.strictSame(contextAtLevels(['task'], recorded('b', 1, [])), {}, 'a run may have no context')

const everyTenTokens = recorded('a', 1, [[0.1, 0], [0.2, 0], [0.3, 0], [0.4, 1], [0.5, 1]]) // a step every 10 tokens
const replayed = (every: number, growth: number, probeTokens: number | null, recording = everyTenTokens) =>
  atCadence(recording, { cadence: { checkEveryTokens: every, checkGrowth: growth, minTokens: 0 }, probeTokens })
const stepsOf = ({ steps }: { readonly steps: ReadonlyArray<{ readonly tokens: number, readonly probeTokens: number }> }) =>
  steps.map(({ tokens, probeTokens }) => [tokens, probeTokens])

t.test('only the recorded steps that are due remain, with the cost of their probes', async (t) => {
  t.strictSame(stepsOf(replayed(1, 0, 3)), [[10, 3], [20, 6], [30, 9], [40, 12], [50, 15]])
  t.strictSame(stepsOf(replayed(20, 0, 3)), [[20, 3], [40, 6]])
  t.strictSame(stepsOf(replayed(10, 1, 3)), [[10, 3], [20, 6], [40, 9]], 'twice as far each time')
  t.equal(replayed(20, 0, 3).probeTokens, 6)
  t.strictSame(replayed(1, 0, null), everyTenTokens, 'nothing changes at the recorded cadence')
})

t.test('a step that is left out costs nothing', async (t) => {
  const costly = replayed(1, 0, 3)
  t.strictSame(stepsOf(replayed(20, 0, null, costly)), [[20, 3], [40, 6]])
})
