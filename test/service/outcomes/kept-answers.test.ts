import t from 'tap'
import { gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { answersToKeep, keepAnswers, readAnswers } from '../../../src/service/outcomes/kept-answers.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { build } from '../../helper.js'

const kept = (outcome: Partial<ReportedOutcome>, policy = {}) => {
  const reported = { generation_id: 'g', tokens: 100, answer: 'Paris', prompt: 'Capital?', ...outcome }
  return answersToKeep(reported, gradeOutcome('salt', reported), { ...DEFAULT_POLICY, ...policy }, null, 1000)
}

t.test('early answers that differ are kept once each, with all of their steps', async (t) => {
  const steps = ['Rome', 'paris', 'ROME', undefined, 'Lyon'].map((answer, i) => ({ tokens: 10 * i, confidence: 0.2 * (i + 1), ...(answer !== undefined && { answer }) }))
  t.strictSame(kept({ steps }), {
    answer: 'Paris', early: [{ answer: 'Rome', steps: [0, 2] }, { answer: 'Lyon', steps: [4] }], steps: 5, until: 1_801_000,
  })
})

t.test('answers at which no threshold is crossed are not kept, since they change no evidence', async (t) => {
  const steps = ['Rome', 'Lyon', 'Nice'].map((answer, i) => ({ tokens: i, confidence: [0.9, 0.5, 0.95][i]!, answer }))
  t.strictSame(kept({ steps }).early.map(({ answer }) => answer), ['Rome', 'Nice'])
  t.strictSame(kept({ steps }, { min_tokens: 1 }).early.map(({ answer }) => answer), ['Lyon', 'Nice'], 'before min_tokens nothing stops')
})

t.test('an empty answer agrees with nothing, and an answer that the worker has graded needs no grader', async (t) => {
  t.strictSame(kept({ answer: '', steps: [{ tokens: 1, confidence: 0.5, answer: '' }] }).early, [{ answer: '', steps: [0] }])
  t.strictSame(kept({ steps: [{ tokens: 1, confidence: 0.5, answer: 'Rome', em: 0 }] }).early, [])
})

t.test('a stop is kept with the answer of its probe', async (t) => {
  t.match(kept({ stopped: true, stopped_probe: { tokens: 50, answer: 'Rome' } }), { answer: 'Paris', early: [{ answer: 'Rome', steps: [] }], steps: 0 })
  t.strictSame(kept({ stopped: true, stopped_probe: { tokens: 50 } }).early, [])
})

t.test('the prompt is kept only where the policy says so', async (t) => {
  t.equal(kept({}).prompt, undefined)
  t.equal(kept({}, { store_prompts: true }).prompt, 'Capital?')
})

t.test('a store that is down keeps no answers, and a damaged text is left out', async (t) => {
  const services = await build(t)
  await keepAnswers(services, [['g', kept({})]])
  t.strictSame([...(await readAnswers(services, ['g', 'other'])).keys()], ['g'])
  const answers = { ...services.store.answers, append: async () => { throw new StoreUnavailableError('gone') }, read: async () => new Map([['g', ['{"early":1}']], ['h', ['{']]]) }
  const down = { store: { answers } } as unknown as typeof services
  await keepAnswers(down, [['g', kept({})]])
  t.equal((await readAnswers(down, ['g', 'h'])).size, 0)
})
