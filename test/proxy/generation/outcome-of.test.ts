import t from 'tap'
import { OutcomeSchema } from '../../../openapi/outcome-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import type { Asked } from '../../../src/proxy/asked.js'
import { cancelledOutcome, outcomeOf } from '../../../src/proxy/generation/outcome-of.js'

const problem = itemValidator(OutcomeSchema)
const asked = { samples: 1, gold: '42' } as Asked
const step = { tokens: 32, confidence: 0.5, answer: '41', probe_tokens: 2, signals: { vote_share: 1 } }
const ended = { tokens: 60, answerTokens: 2, answer: '42', isStopped: false, steps: [step], probeTokens: 2 }

t.test('outcomes are what the service takes, with steps in the control arm alone', async (t) => {
  const control = outcomeOf({ id: 'a', group: 'g', context: { model: 'm' }, arm: 'control' }, asked, ended)
  t.equal(problem(control), null)
  t.match(control, { reference: '42', samples: 1, steps: [step], stopped: false })
  const stopped = outcomeOf({ id: 'a', group: 'g', context: {}, arm: 'treated' }, { ...asked, gold: null, samples: null }, { ...ended, isStopped: true })
  t.equal(problem(stopped), null)
  t.match(stopped, { stopped: true, answer_tokens: 2, probe_tokens: 2 })
  t.notOk('steps' in stopped || 'reference' in stopped || 'samples' in stopped)
  const long = outcomeOf({ id: 'a', group: 'g', context: {}, arm: 'control' }, asked, { ...ended, steps: Array(5000).fill(step) })
  t.match(long, { steps_complete: false })
  t.equal(problem(cancelledOutcome({ id: 'a', group: 'g', context: {}, arm: 'control' }, asked, 5)), null)
})
