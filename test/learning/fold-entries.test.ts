import t from 'tap'
import { newLedger } from '../../src/core/learn/fold.js'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/grading/outcome.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { PendingOutcomes } from '../../src/core/recording/pending.js'
import { Reservoir } from '../../src/core/predictor/reservoir.js'
import { foldEntries, type Memory } from '../../src/learning/fold-entries.js'
import type { StoredEntry } from '../../src/store/store.js'
import { KEY, losslessOutcome } from '../certify.js'

const configuration = { levels: ['model', 'task'], defaults: { settle_seconds: 0 }, max_contexts: 100, label_wait_seconds: 0 }
const empty = (): Memory => ({ cursor: '0-0', ledger: newLedger(configuration), contexts: new Map(), pending: new PendingOutcomes(), reservoir: new Reservoir(), predictors: new Map() })

const entries = (from: number, to: number): StoredEntry[] => Array.from({ length: to - from }, (_, i) => ({
  cursor: `${from + i + 1}-0`, time: from + i + 1, entry: gradeOutcome('salt', losslessOutcome(`g${from + i}`) as ReportedOutcome),
}))

function keep (memory: Memory, batch: StoredEntry[]): Memory {
  const { next, commit } = foldEntries(memory, batch)
  const contexts = new Map(memory.contexts)
  for (const [key, state] of commit.contexts) if (state) contexts.set(key, state); else contexts.delete(key)
  return { ...memory, ...next, contexts }
}

t.test('what is remembered is not touched until the commit succeeded', async (t) => {
  const memory = empty()
  const { commit } = foldEntries(memory, entries(0, 3))
  t.strictSame(memory, empty())
  t.match(commit, { from: '0-0', to: '3-0' })
  t.same(commit.decisive.toSorted(), ['*', 'model=q', KEY], 'contexts that are new')
})

t.test('the same entries give the same state, however they are cut', async (t) => {
  let one = empty()
  for (const entry of entries(0, 300)) one = keep(one, [entry])
  t.strictSame(keep(keep(empty(), entries(0, 123)), entries(123, 300)), one)
})

t.test('only what could change a decision is decisive', async (t) => {
  const memory = keep(empty(), entries(0, 10))
  t.same(foldEntries(memory, entries(10, 20)).commit.decisive, [], 'more evidence, same threshold')
  const { commit } = foldEntries(memory, entries(10, 224))
  t.same(commit.decisive, [KEY], '224 lossless generations: the first certificate')
  t.match(commit.changes, [{ key: KEY, cause: 'evidence', before: null, after: Number }])
  const certified = keep(memory, entries(10, 224))
  const stated = (policy: PolicyPatch) => foldEntries(certified, [{ cursor: '300-0', time: 300, entry: { type: 'policy', key: KEY, policy, by: 'ops' } }]).commit
  const prices = stated({ value_of_em: 1, price_per_1k_tokens: 1000 })
  t.equal(prices.contexts.get(KEY)!.threshold_index, certified.contexts.get(KEY)!.threshold_index)
  t.same(prices.decisive, [KEY], 'until then replicas had weighed what was committed before, of less evidence perhaps')
  t.same(stated({ em_per_token_percent: 1 }).decisive, [])
  const treated = gradeOutcome('salt', { ...losslessOutcome('t'), arm: 'treated' } as ReportedOutcome)
  const young = keep(empty(), [{ cursor: '1-0', time: 1, entry: treated }])
  t.same(foldEntries(young, entries(1, 2)).commit.decisive, [], 'the first evidence')
})
