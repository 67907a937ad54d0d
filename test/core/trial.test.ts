import t from 'tap'
import { syncTrials } from '../../src/core/trial.js'
import { KEPT, LEAF, memoryFold, policyWith } from './memory-fold.js'
import { PREDICTOR } from './snapshot-of.js'

const levels = ['model', 'task']
const auto = policyWith({ predictor: 'auto' })
const named = (name: string, rest = {}) => ({ ...PREDICTOR, name, ...rest })
const live = (...predictors: Array<typeof PREDICTOR>) => new Map(predictors.map((one) => [one.name, one]))

function stateOf () {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT)
  return fold.state(LEAF)
}

t.test('the newest predictor is the next challenger, once', async (t) => {
  const state = stateOf()
  const one = syncTrials(state, auto, levels, live(named('a')), 5)
  t.match(one, { challengers: 1, trials: [{ predictor: 'a', ordinal: 1, since: 5, trained_on: 0, wish: { max_em_drop: 0.02, error_level: 0.05 } }] })
  t.equal(syncTrials(one, auto, levels, live(named('a')), 6), one, 'nothing new')
  const two = syncTrials(one, auto, levels, live(named('a'), named('b')), 7)
  t.match(two.trials, [{ predictor: 'b', ordinal: 2 }])
  t.equal(two.trials.length, 1, 'one that does not serve makes room')
})

t.test('the one that serves stays, beside the newest', async (t) => {
  const one = { ...syncTrials(stateOf(), auto, levels, live(named('a')), 5), serving: 'a' }
  const two = syncTrials(one, auto, levels, live(named('a'), named('b')), 7)
  t.same(two.trials.map(({ predictor }) => predictor), ['a', 'b'])
  const three = syncTrials(two, auto, levels, live(named('a'), named('b'), named('c')), 8)
  t.match(three, { challengers: 3 })
  t.same(three.trials.map(({ predictor }) => predictor), ['a', 'c'])
})

t.test('those that are gone leave; with predictors off all do', async (t) => {
  const one = syncTrials(stateOf(), auto, levels, live(named('a')), 5)
  t.same(syncTrials(one, auto, levels, live(), 6).trials, [])
  t.same(syncTrials(one, policyWith(), levels, live(named('a')), 6).trials, [])
  const state = stateOf()
  t.equal(syncTrials(state, policyWith(), levels, live(named('a')), 6), state)
})

t.test('one of another label or other levels is none', async (t) => {
  const state = stateOf()
  t.equal(syncTrials(state, auto, levels, live(named('a', { label: 'agreement' })), 5), state)
  t.equal(syncTrials(state, auto, levels, live(named('a', { levels: 'task,model' })), 5), state)
  t.match(syncTrials(state, auto, levels, live(named('a'), named('b', { label: 'agreement' })), 5).trials, [{ predictor: 'a' }])
})
