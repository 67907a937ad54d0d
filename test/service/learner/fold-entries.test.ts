import t from 'tap'
import { ContextCounts } from '../../../src/core/learn/context-counts.js'
import { Cohorts } from '../../../src/core/evidence/cohorts.js'
import { ENROLMENT_TIMES } from '../../../src/core/evidence/enrolment-list.js'
import { gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { Reservoir } from '../../../src/core/scores/reservoir.js'
import { newLedger } from '../../../src/core/learn/ledger.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { PendingOutcomes } from '../../../src/core/learn/pending-outcomes.js'
import { foldEntries, type LearnerState } from '../../../src/service/learner/fold-entries.js'
import type { StoredEntry } from '../../../src/store/log.js'
import { KEY, losslessOutcome } from '../../certify.js'
import { enrolledEntries } from '../../enrolled-entries.js'
import { QUICK_POLICY, SHUFFLED } from '../../quick-policy.js'
import { AT_TEST_CADENCE } from '../../test-cadence.js'

/** A batch is a slice, and two of them certify. */
const configuration = { levels: ['model', 'task'], defaults: { ...QUICK_POLICY, ...SHUFFLED, ...AT_TEST_CADENCE }, max_contexts: 100 }
const empty = (): LearnerState => ({ cursor: '0-0', ledger: newLedger(configuration), contexts: new Map(), pending: new PendingOutcomes(), cohorts: new Cohorts(), counts: new ContextCounts(), reservoir: new Reservoir(), predictors: new Map() })

/** The end of the slice in which generations are enrolled, ms later. */
const SLICE = 1000 * QUICK_POLICY.follow_up_seconds / 16

const outcomeOf = (id: string, changes: Partial<ReportedOutcome> = {}) => gradeOutcome('salt', { ...losslessOutcome(id), ...changes } as ReportedOutcome)

/** Generations that are enrolled and reported at once, until their slice ends. */
function entries (from: number, to: number): StoredEntry[] {
  const logged = enrolledEntries(Array.from({ length: to - from }, (_, i) => outcomeOf(`g${from + i}`)))
  const time = 1000 * from
  const stored = (entry: LogEntry, i: number, at = time) => ({ cursor: `${from}-${i}`, time: at, entry })
  return [...logged.map((entry, i) => stored(entry, i)), stored({ type: 'tick' }, logged.length, time + SLICE)]
}

function learned (...batches: StoredEntry[][]): LearnerState {
  const memory = empty()
  for (const batch of batches) foldEntries(memory, batch, ENROLMENT_TIMES)
  return memory
}

t.test('a commit holds the changes, and memory is up to date', async (t) => {
  const memory = empty()
  const commit = foldEntries(memory, entries(0, 3), ENROLMENT_TIMES)
  t.equal(memory.cursor, '0-4')
  t.strictSame(memory.contexts, commit.contexts)
  t.match(commit, { from: '0-0', to: '0-4' })
  t.same(commit.decisive.toSorted(), ['*', 'model=q', KEY], 'new contexts are decisive')
})

t.test('the same entries give the same state in batches of any size', async (t) => {
  const all = [...entries(0, 123), ...entries(123, 300)]
  t.strictSame(learned(all.slice(0, 200), all.slice(200)), learned(...all.map((entry) => [entry])))
})

t.test('a change is decisive only if it could change a decision', async (t) => {
  const memory = learned(entries(0, 10))
  t.same(foldEntries(memory, entries(10, 20), ENROLMENT_TIMES).decisive, [], 'more evidence for the same threshold is not decisive')
  const commit = foldEntries(memory, entries(20, 186), ENROLMENT_TIMES)
  t.same(commit.decisive, [KEY], 'the first certificate is decisive: 186 lossless generations')
  t.match(commit.changes, [{ key: KEY, cause: 'evidence', before: null, after: Number }])
  const stated = (policy: PolicyPatch) => {
    const certified = learned(entries(0, 900))
    const { rule: { index: before } } = certified.contexts.get(KEY)!
    const commit = foldEntries(certified, [{ cursor: '9999-0', time: 1e6, entry: { type: 'policy', key: KEY, policy, by: 'ops' } }], ENROLMENT_TIMES)
    t.equal(commit.contexts.get(KEY)?.rule.index ?? before, before)
    return commit
  }
  t.same(stated({ error_level: 0.06 }).decisive, [KEY], 'until now replicas judged the evidence of an earlier commit')
  t.same(stated({ store_prompts: true }).decisive, [])
  const treated = outcomeOf('t', { arm: 'treated' })
  const young = learned([{ cursor: '1-0', time: 1, entry: treated }])
  t.same(foldEntries(young, entries(1, 2), ENROLMENT_TIMES).decisive, [], 'the first evidence is not decisive')
})

t.test('the state of a context says how many of its enrolments are open', async (t) => {
  const memory = { ...empty(), ledger: newLedger({ ...configuration, defaults: {} }) }
  let place = 0
  const open = (...logged: StoredEntry['entry'][]) => {
    foldEntries(memory, logged.map((entry) => ({ cursor: `${++place}-0`, time: place, entry })), ENROLMENT_TIMES)
    return memory.contexts.get(KEY)?.reports.open_enrolments
  }
  const outcome = (u: number) => ({ ...outcomeOf(`g${u}`), u })
  const draws = [[0.1, 0.5], [0.2, 0.5], [0.3, 0.5], [0.6, 0.5]] as const
  t.equal(open({ type: 'enrolment', boot: 'b', number: 1, age: 0, entries: [{ key: KEY, epoch: null, share: 0.5, draws }] }), 3, 'the last one is treated')
  t.equal(open(outcome(0.1), outcome(0.2)), 1)
  t.equal(open(outcome(0.7)), 1, 'an outcome that was not enrolled closes none')
  t.equal(open({ type: 'reset', key: KEY, by: 'ops', reason: 'new weights' }), 0)
})

t.test('a change in the thresholds whose labels are requested is decisive', async (t) => {
  const memory = { ...empty(), ledger: newLedger({ ...configuration, defaults: { ...AT_TEST_CADENCE } }) }
  let place = 0
  const decides = (entry: LogEntry) => foldEntries(memory, [{ cursor: `${++place}-0`, time: place, entry }], ENROLMENT_TIMES).decisive.includes(KEY)
  const us = Array.from({ length: 12 }, (_, i) => i / 12)
  const draws = us.map((u) => [u, u] as const)
  decides({ type: 'enrolment', boot: 'b', number: 1, age: 0, entries: [{ key: KEY, epoch: null, share: 1, draws }] })
  const { em: _, ...outcome } = losslessOutcome('g')
  const steps = [{ tokens: 20, confidence: 0.9991, answer: '5' }]
  for (const u of us) decides({ ...gradeOutcome('salt', { ...outcome, generation_id: `g${u}`, answer: '4', steps } as ReportedOutcome), u, hash: u })
  const labels = us.map((u) => decides({ type: 'label', generation_id: `g${u}`, em: 1, source: 'judge' }))
  t.equal(labels.indexOf(true), 4, 'five losses of twelve leave no hope')
})

t.test('a member that leaves its pool is decisive, and so is its return', async (t) => {
  const memory = { ...empty(), ledger: newLedger({ ...configuration, defaults: { ...QUICK_POLICY, ...SHUFFLED, certify_at: 'model' } }) }
  let [place, time, generations] = [0, 0, 0]
  const append = (...logged: LogEntry[]) =>
    foldEntries(memory, logged.map((entry) => ({ cursor: `${++place}-0`, time, entry })), ENROLMENT_TIMES).decisive
  const fold = (task: string, em: 0 | 1, times = 1) => {
    const outcomes = Array.from({ length: times }, () => {
      const id = `g${generations++}`
      const steps = losslessOutcome(id).steps.map((step) => ({ ...step, em, ...(em === 0 && { answer: 'another' }) }))
      return outcomeOf(id, { context: { model: 'q', task }, steps })
    })
    const decisive = append(...enrolledEntries(outcomes, 'model=q', memory.contexts.get('model=q')?.epoch.name))
    time += SLICE
    return [...decisive, ...append({ type: 'tick' })]
  }
  const key = 'model=q,task=hard'
  fold('kind', 1, 400)
  let left = 0
  for (let i = 0; i < 20; i++) {
    if (fold('hard', 0).includes(key)) left++
    fold('kind', 1, 70)
  }
  t.equal(left, 2, 'it appears, and leaves')
  append({ type: 'reset', key: 'model=q', below: false, by: 'ops', reason: 'test' })
  t.same(fold('hard', 1), [key], 'it has shown something in the next epoch')
  t.same(fold('hard', 1), [])
})
