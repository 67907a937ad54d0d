import t from 'tap'
import { OutcomeSchema } from '../../../openapi/outcome-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { representsGroup, observeStop } from '../../../src/core/outcome/observed-stop.js'
import { gradeOutcome } from '../../../src/core/outcome/outcome.js'
import { cancelledOutcome, finishedOutcome } from '../../../src/proxy/generation/generation-report.js'
import type { StoppableRequest } from '../../../src/proxy/protocol/stoppable-request.js'

const problem = itemValidator(OutcomeSchema)
const request = { samples: 1, gold: '42' } as StoppableRequest
const step = { tokens: 32, confidence: 0.5, answer: '41', probe_tokens: 2, signals: { vote_share: 1 } }
const by = { score: 0.5, threshold: 0.4, snapshot_version: 7 }
const givenUp = { tokens: 50, confidence: null, probe_tokens: 16 }
const checks = { steps: [step, givenUp], probeTokens: 18, prefillTokens: 8 }
const ended = { tokens: 60, answerTokens: 2, answer: '42', stop: null, endAnswer: null, checks, sendsPrompts: false }

t.test('the service accepts outcomes, with steps in the control arm alone', async (t) => {
  const control = finishedOutcome({ id: 'a', group: 'g', prompt: 'p', context: { model: 'm' }, arm: 'control' }, request, ended)
  t.equal(problem(control), null)
  t.match(control, { reference: '42', samples: 1, steps: [step, givenUp], steps_asked: 2, stopped: false })
  t.equal(gradeOutcome('', control as any).asked_tokens, 18, 'net savings are net of probes that were given up, too')
  const stopped = finishedOutcome({ id: 'a', group: 'g', prompt: 'p', context: {}, arm: 'treated' }, { ...request, gold: null, samples: null }, { ...ended, stop: { step, by } })
  t.equal(problem(stopped), null)
  t.match(stopped, { stopped: true, stopped_probe: { tokens: 32, answer: '41' }, stopped_by: by, answer_tokens: 2, probe_tokens: 18, probe_prefill_tokens: 8 })
  t.notOk('stopped_probe' in control || 'steps' in stopped || 'reference' in stopped || 'samples' in stopped)
  const long = finishedOutcome({ id: 'a', group: 'g', prompt: 'p', context: {}, arm: 'control' }, request, { ...ended, checks: { ...checks, steps: Array(5000).fill(step) } })
  t.match(long, { steps_complete: false })
  const cancelled = cancelledOutcome({ id: 'a', group: 'g', prompt: 'p', context: {}, arm: 'control' }, request, 60, { ...checks, prefillTokens: 0 })
  t.equal(problem(cancelled), null)
  t.match(cancelled, { cancelled: true, probe_tokens: 18 })
  t.notOk('probe_prefill_tokens' in cancelled)
})

t.test('without a group the prompt stands for it', async (t) => {
  const outcome = finishedOutcome({ id: 'a', group: null, prompt: 'p', context: {}, arm: 'control' }, { ...request, samples: null }, ended)
  t.equal(problem(outcome), null)
  t.match(outcome, { prompt_hash: 'p' })
  t.notOk('group_id' in outcome || 'samples' in outcome)
})

t.test('fidelity counts stops of the proxy', async (t) => {
  const stop = finishedOutcome({ id: 'a', group: null, prompt: 'p', context: {}, arm: 'treated' }, request, { ...ended, stop: { step, by } })
  const graded = gradeOutcome('', stop as any)
  t.ok(representsGroup(graded))
  t.same(observeStop(graded, 'agreement', true), { isEqual: false, difference: 1 })
})

t.test('the prompt is sent where the proxy may, of generations that a grader may have to label', async (t) => {
  const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: [{ type: 'text', text: 'Capital of ' }, { type: 'text', text: 'France?' }] }]
  const asked = { ...request, body: { messages } } as unknown as StoppableRequest
  const of = (arm: 'control' | 'treated', changes = {}) =>
    finishedOutcome({ id: 'a', group: null, prompt: 'p', context: {}, arm }, asked, { ...ended, sendsPrompts: true, ...changes }) as { prompt?: string }
  t.equal(problem(of('control')), null)
  t.equal(of('control').prompt, 'system: Be brief.\n\nuser: Capital of France?')
  t.ok(of('treated', { stop: { step, by } }).prompt)
  const call = { role: 'assistant', content: null, tool_calls: [{ function: { name: 'search', arguments: '{"q":"x"}' } }] }
  const agent = { ...asked, body: { messages: [call, { role: 'tool', content: 'found' }] } } as unknown as StoppableRequest
  const { prompt } = finishedOutcome({ id: 'a', group: null, prompt: 'p', context: {}, arm: 'control' }, agent, { ...ended, sendsPrompts: true }) as { prompt?: string }
  t.equal(prompt, 'assistant: search {"q":"x"}\n\ntool: found', 'calls are part of the task')
  t.notOk('prompt' in of('treated'), 'no label of it is wanted')
  t.notOk('prompt' in of('control', { sendsPrompts: false }))
  const ofIds = { ...asked, body: { prompt: [1, 2, 3] } }
  t.notOk('prompt' in finishedOutcome({ id: 'a', group: null, prompt: 'p', context: {}, arm: 'control' }, ofIds, { ...ended, sendsPrompts: true }), 'token ids have no text')
})
