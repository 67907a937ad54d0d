import t from 'tap'
import { type ContextState, predictorOf } from '../../../src/core/contexts/context-state.js'
import { servingOf, syncTrials } from '../../../src/core/contexts/trials.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { KEPT, LEAF, memoryFold, policyWith } from '../reducer/memory-fold.js'

const levels = ['model', 'task']
const auto = policyWith({ predictor: 'auto' })
const named = (name: string, rest = {}) => ({ ...PREDICTOR, name, ...rest })
const live = (...predictors: Array<typeof PREDICTOR>) => new Map(predictors.map((one) => [one.name, one]))

function stateOf () {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT)
  return fold.state(LEAF)
}

const next = (slice: number) => ({ slice, clock: 0, time: 0 })

t.test('the newest predictor becomes the next challenger once', async (t) => {
  const state = stateOf()
  const one = syncTrials(state, auto, levels, live(named('a')), next(5))
  t.match(one, { challengers: 1, trials: [{ predictor: 'a', ordinal: 1, since: 5, trained_on: 0, requested: { max_em_drop: 0.02, error_level: 0.05 } }] })
  t.equal(syncTrials(one, auto, levels, live(named('a')), next(6)), one, 'nothing new')
  const two = syncTrials(one, auto, levels, live(named('a'), named('b')), next(7))
  t.match(two.trials, [{ predictor: 'a', ordinal: 1 }, { predictor: 'b', ordinal: 2 }])
  t.same(two.trials.map(({ predictor }) => predictor), ['a', 'b'], 'the trial of the first, which has the largest part of the level, continues')
})

t.test('a fourth predictor replaces the oldest that does not serve', async (t) => {
  const namesAfter = (serving: string | null) => {
    let state: ContextState = { ...stateOf(), serving }
    for (const names of ['a', 'ab', 'abc', 'abcd']) state = syncTrials(state, auto, levels, live(...[...names].map((name) => named(name))), next(5))
    t.equal(state.challengers, 4)
    return state.trials.map(({ predictor }) => predictor)
  }
  t.same(namesAfter(null), ['b', 'c', 'd'])
  t.same(namesAfter('a'), ['a', 'c', 'd'])
})

t.test('trials of retired predictors end, and all end with predictors off', async (t) => {
  const one = syncTrials(stateOf(), auto, levels, live(named('a')), next(5))
  t.same(syncTrials(one, auto, levels, live(), next(6)).trials, [])
  t.same(syncTrials(one, policyWith(), levels, live(named('a')), next(6)).trials, [])
  const state = stateOf()
  t.equal(syncTrials(state, policyWith(), levels, live(named('a')), next(6)), state)
})

t.test('another predictor of the same name is a new challenger without evidence', async (t) => {
  const one = syncTrials(stateOf(), auto, levels, live(named('a')), next(5))
  const other = named('a', { grid: PREDICTOR.grid.with(29, 0.01) })
  t.equal(predictorOf(one.trials[0]!, live(other)), undefined)
  t.equal(predictorOf(one.trials[0]!, live(structuredClone(named('a'))))?.name, 'a')
  t.match(syncTrials(one, auto, levels, live(other), next(6)), { challengers: 2, trials: [{ predictor: 'a', ordinal: 2, since: 6 }] })
  t.same(servingOf({ ...one, serving: 'a' }), { name: 'a', fingerprint: one.trials[0]!.fingerprint })
  t.equal(servingOf(one), null)
})

t.test('a trial\'s evidence has its predictor\'s number of thresholds, and a mismatch ends the trial', async (t) => {
  const grid = Array.from({ length: 60 }, (_, k) => 0.99 - k / 100)
  const fine = syncTrials(stateOf(), auto, levels, live(named('a', { grid })), next(5))
  t.match(fine.trials[0]!.evidence, { lost: { length: 60 }, tokens: { length: 60 } })
  t.equal(predictorOf(fine.trials[0]!, live(named('a', { grid })))?.name, 'a')

  const { evidence } = syncTrials(stateOf(), auto, levels, live(named('b')), next(5)).trials[0]!
  const damaged = { ...fine.trials[0]!, evidence }
  t.equal(predictorOf(damaged, live(named('a', { grid }))), undefined)
  t.match(syncTrials({ ...fine, trials: [damaged] }, auto, levels, live(named('a', { grid })), next(6)).trials, [{ predictor: 'a', ordinal: 2, since: 6, evidence: { lost: { length: 60 } } }])
})

t.test('a predictor for another label or other levels is no challenger', async (t) => {
  const state = stateOf()
  t.equal(syncTrials(state, auto, levels, live(named('a', { label: 'agreement' })), next(5)), state)
  t.equal(syncTrials(state, auto, levels, live(named('a', { levels: 'task,model' })), next(5)), state)
  t.match(syncTrials(state, auto, levels, live(named('a'), named('b', { label: 'agreement' })), next(5)).trials, [{ predictor: 'a' }])
})
