import t from 'tap'
import { openEpoch } from '../../../src/core/judgement/context-state.js'
import { describeContext } from '../../../src/core/views/describe-context.js'
import { addTrace, NO_EVIDENCE, stopsOf } from '../../../src/core/certificate/evidence.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'

const levels = ['model', 'task']
const key = 'model=q,task=gsm8k'
const trace = { tokens: 64, answerTokens: 0, em: 1, steps: [{ tokens: 32, score: 0.95, em: 1 }], isComplete: true } as const

function known (generations: number, changes: object = {}) {
  let evidence = NO_EVIDENCE
  for (let i = 0; i < generations; i++) evidence = addTrace(evidence, trace, stopsOf(trace, 0))
  const state = { ...openEpoch(undefined, 'first_outcome', DEFAULT_POLICY, levels, 1000), halves: [evidence, NO_EVIDENCE] as const, ...changes }
  return { levels, defaultPolicy: {}, policies: new Map(), pins: new Map(), predictors: new Map(), states: new Map([[key, state]]) }
}

t.test('the status is settling, learning, certified or drifted', async (t) => {
  const status = (generations: number, now: number, changes = {}) => describeContext(known(generations, changes), key, now).status
  t.equal(status(0, 1000), 'settling')
  t.equal(status(0, 301_000), 'learning')
  t.equal(status(224, 301_000), 'certified')
  t.equal(status(0, 301_000, { epoch_cause: 'drift' }), 'drifted')
  t.equal(status(224, 301_000, { epoch_cause: 'drift' }), 'certified', 'certified again after drift')
})

t.test('the distance of the next certificate', async (t) => {
  const next = (generations: number) => describeContext(known(generations), key, 0).generations_to_next_certificate
  t.equal(next(0), 224, 'lossless generations to the first certificate at 2 % and level 0.05 (vectors/certificate.json)')
  t.equal(next(223), 1)
  t.equal(next(224), null, 'every threshold is certified')
})
