import t from 'tap'
import { OutcomeSchema } from '../../../openapi/outcome-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { gradeOutcome } from '../../../src/core/grading/outcome.js'
import type { Asked } from '../../../src/proxy/asked.js'
import { cancelledOutcome, outcomeOf } from '../../../src/proxy/generation/outcome-of.js'

const problem = itemValidator(OutcomeSchema)
const asked = { samples: 1, gold: '42' } as Asked
const step = { tokens: 32, confidence: 0.5, answer: '41', probe_tokens: 2, signals: { vote_share: 1 } }
const givenUp = { tokens: 50, confidence: null, probe_tokens: 16 }
const checks = { steps: [step, givenUp], probeTokens: 18, prefillTokens: 8 }
const ended = { tokens: 60, answerTokens: 2, answer: '42', isStopped: false, checks }

t.test('outcomes are what the service takes, with steps in the control arm alone', async (t) => {
  const control = outcomeOf({ id: 'a', group: 'g', context: { model: 'm' }, arm: 'control' }, asked, ended)
  t.equal(problem(control), null)
  t.match(control, { reference: '42', samples: 1, steps: [step, givenUp], stopped: false })
  t.equal(gradeOutcome('', control as any).asked_tokens, 18, 'net savings are net of probes that were given up, too')
  const stopped = outcomeOf({ id: 'a', group: 'g', context: {}, arm: 'treated' }, { ...asked, gold: null, samples: null }, { ...ended, isStopped: true })
  t.equal(problem(stopped), null)
  t.match(stopped, { stopped: true, answer_tokens: 2, probe_tokens: 18, probe_prefill_tokens: 8 })
  t.notOk('steps' in stopped || 'reference' in stopped || 'samples' in stopped)
  const long = outcomeOf({ id: 'a', group: 'g', context: {}, arm: 'control' }, asked, { ...ended, checks: { ...checks, steps: Array(5000).fill(step) } })
  t.match(long, { steps_complete: false })
  const cancelled = cancelledOutcome({ id: 'a', group: 'g', context: {}, arm: 'control' }, asked, 60, { ...checks, prefillTokens: 0 })
  t.equal(problem(cancelled), null)
  t.match(cancelled, { cancelled: true, probe_tokens: 18 })
  t.notOk('probe_prefill_tokens' in cancelled)
})
