import t from 'tap'
import { grossSavedRatio, tokensSavedRatio } from '../../../src/core/stats/evidence.js'
import { NO_DRIFT } from '../../../src/core/guards/drift.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { recentParts } from '../../../src/core/evidence/follow-up-counts.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { contextWarnings } from '../../../src/core/learn/context-warnings.js'
import { NO_SAVINGS } from '../../../src/core/stats/savings.js'
import { MAX_SAMPLES, type LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { NAMES, NAMES_OF_LEAF, Reservoir } from '../../../src/core/scores/reservoir.js'
import { PendingOutcomes } from '../../../src/core/learn/pending-outcomes.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { drawsBySlice, enrolledFold, FOLLOW_UP, SLICE_LEAST, SLICE_MOST } from './enrolled-fold.js'
import { CHAIN, FIRST, GAINED, KEPT, LEAF, LOSSES_UNTIL_ALARM, LOST, memoryFold, type MemoryFold, outcomeOf, SLICE, SURE_STEP } from './memory-fold.js'
import { changed, type Changes } from '../../changed-state.js'

const LAST = GRID.length - 1

const generationsAt = (fold: MemoryFold, key = LEAF) => knownEvidence(fold.state(key).evidence).generations

t.test('an outcome reaches every link of its chain, and makes the contexts it needs', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 1000)
  t.strictSame([...fold.states.keys()], CHAIN)
  t.equal(fold.ledger.contexts, 3)
  t.strictSame(CHAIN.map((key) => generationsAt(fold, key)), [0, 0, 1], 'contexts that do not certify have no evidence')
  for (const key of CHAIN) {
    const epoch = { number: 1, cause: 'first_enrolment', started_at: 1000 - SLICE }
    t.match(fold.state(key), { epoch, reports: { generations: 1, updated_at: 1000 - SLICE } }, key)
  }
})

t.test('a retry counts nowhere', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  const before = JSON.stringify([...fold.states])
  fold.report(0.1, 1000, { is_retry: true })
  fold.learn(outcomeOf({ generation_id: 'elsewhere', context: { model: 'new', task: 'new' }, is_retry: true }), 1000)
  t.equal(JSON.stringify([...fold.states]), before)
})

t.test('lost, kept and gained are counted', async (t) => {
  const fold = memoryFold()
  for (const outcome of [LOST, LOST, KEPT, GAINED]) fold.learn(outcome)
  t.match(knownEvidence(fold.state().evidence), {
    generations: 4, full_tokens: 400, full_em: 3, lost: GRID.map(() => 2), gained: GRID.map(() => 1), tokens: GRID.map(() => 160),
  })
})

t.test('outcomes that are not evidence', async (t) => {
  for (const [name, outcome] of [
    ['a treated generation, even if it ran to its end', outcomeOf({ arm: 'treated' })],
    ['a stopped generation, whatever its arm says', outcomeOf({ stopped: true })],
    ['no arm, and a draw that is not below the share', outcomeOf({ arm: null, u: 0.5 })],
    ['a cancelled generation', outcomeOf({ cancelled: true })],
  ] as const) {
    const fold = memoryFold({ control_rate: 0.3 })
    fold.learn(KEPT, 0, FIRST) // a threshold, so that the share is 0.3
    fold.learn(outcome)
    t.equal(generationsAt(fold), FIRST, name)
    t.equal(fold.state().reports.generations, FIRST + 1, `${name}: it was reported`)
  }
})

t.test('control outcomes with their steps are evidence', async (t) => {
  for (const [name, outcome] of [
    ['the first sample of a group', outcomeOf({ sample_index: 0 })],
    ['no arm, and a draw below the share', outcomeOf({ arm: null, u: 0.29 })],
    ['never asked: no steps at all', outcomeOf({ steps: [], tokens: 63 })],
  ] as const) {
    const fold = memoryFold({ control_rate: 0.3 })
    fold.learn(KEPT, 0, FIRST)
    fold.learn(outcome)
    fold.learn({ type: 'tick' }, 5000) // a group whose size no outcome states is followed up to the end
    t.equal(generationsAt(fold), FIRST + 1, name)
    t.equal(knownEvidence(fold.state().evidence).lost[0], 0, name)
  }
})

t.test('missing steps count as the worst case, and so does an empty list from a generation that must have asked', async (t) => {
  const isLost = (outcome: Partial<LoggedOutcome>, policy = {}) => {
    const fold = memoryFold(policy)
    fold.learn(outcomeOf({ steps: [], ...outcome }))
    t.equal(generationsAt(fold), 1, JSON.stringify(outcome))
    return knownEvidence(fold.state().evidence).lost[0] === 1
  }
  t.ok(isLost({ tokens: 10, steps_complete: false }))
  t.notOk(isLost({ tokens: 63 }), 'one step at 32 tokens may have been missed by a hair')
  t.ok(isLost({ tokens: 64 }), 'two can not')
  t.notOk(isLost({ tokens: 127 }, { min_tokens: 90 }), 'from min_tokens 90 on the first is at 96')
  t.ok(isLost({ tokens: 128 }, { min_tokens: 90 }), 'and the second at 128')
})

t.test('steps are graded by the policy\'s label', async (t) => {
  const both = outcomeOf({ full: { exact_match: 0, agreement: 1 }, steps: [{ ...SURE_STEP, exact_match: 0, agreement: 0 }] })
  const byExactMatch = memoryFold()
  const byAgreement = memoryFold({ label: 'agreement' })
  byExactMatch.learn(both)
  byAgreement.learn(both)
  t.equal(knownEvidence(byExactMatch.state().evidence).lost[0], 0)
  t.equal(knownEvidence(byAgreement.state().evidence).lost[0], 1)
  byAgreement.learn(outcomeOf({ full: { agreement: 1 }, steps: [SURE_STEP] }))
  t.equal(knownEvidence(byAgreement.state().evidence).unprobed[0], 1, 'a probe graded by another label is no probe')
})

t.test('a threshold is certified once the evidence suffices', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST - 1)
  t.equal(fold.state().rule.index, -1)
  fold.learn(KEPT, 2000)
  t.equal(fold.state().rule.index, LAST)
  t.match(fold.changes.filter((change) => change.key === LEAF), [{ time: 2000, cause: 'evidence', epoch: 1, before: null, after: GRID[LAST] }])
  t.match(fold.state(), { rule: { control_share: 0.02 } }, 'the share falls to the floor, since every threshold saves the same')
  fold.learn(LOST, 3000)
  t.equal(fold.state().rule.index, LAST, 'what was certified stays until drift, breach or a reset')
})

t.test('drift withdraws the threshold and opens an epoch that starts from zero', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, 2000)
  let losses = 0
  while (fold.state().epoch.number === 1 && losses < 100) { fold.learn(LOST, 70_000); losses++ }
  t.equal(losses, LOSSES_UNTIL_ALARM, 'lost in a row')
  t.match(fold.state(), { epoch: { number: 2, cause: 'drift' }, rule: { index: -1, control_share: 1 }, reports: { generations: 0 }, guards: { drift: NO_DRIFT } })
  t.equal(generationsAt(fold), 0, 'not even the outcome that raised the alarm')
  t.match(fold.changes.filter((change) => change.key === LEAF).at(-1)!, { cause: 'drift', epoch: 2, before: GRID[LAST], after: null })
})

t.test('drift rests without a threshold', async (t) => {
  const fold = memoryFold()
  fold.learn(LOST)
  t.strictSame(fold.state().guards.drift, NO_DRIFT)
})

t.test('savings are net of the probes of both arms', async (t) => {
  const probing = (tokens: number) => ({ steps: [{ ...SURE_STEP, asked_tokens: tokens }], probe_tokens: tokens, asked_tokens: tokens })
  const fold = memoryFold()
  fold.learn(outcomeOf(probing(20)), 0, FIRST)
  const { rule: { index }, savings: { probe_tokens: ofControl } } = fold.state()
  const evidence = knownEvidence(fold.state().evidence)
  t.same([tokensSavedRatio(evidence, index), grossSavedRatio(evidence, index)], [0.4, 0.6], '20 of 100 tokens are spent on asking')
  t.equal(ofControl, 20 * FIRST)
  fold.learn(outcomeOf({ arm: 'treated', stopped: true, tokens: 40, probe_tokens: 20, probe_prefill_tokens: 7 }))
  t.match(fold.state(), { savings: { probe_tokens: 20 * (FIRST + 1), probe_prefill_tokens: 7 } })
})

t.test('a context whose probes cost more than stopping saves stops nothing, and says so', async (t) => {
  const fold = memoryFold()
  const probing = { steps: [{ ...SURE_STEP, asked_tokens: 61 }], probe_tokens: 61, asked_tokens: 61 }
  fold.learn(outcomeOf(probing), 0, FIRST)
  t.match(fold.state(), { evidence: { certified: LAST }, rule: { index: -1 } })
  t.strictSame(contextWarnings(fold.state(), DEFAULT_POLICY), ['tokens_lost', 'grader_unseen'])
  fold.learn(KEPT, 0, FIRST)
  t.match(fold.state(), { rule: { index: LAST } }, 'half of the generations asked nothing')
  t.strictSame(contextWarnings(fold.state(), DEFAULT_POLICY), ['grader_unseen'])
})

t.test('beyond MAX_CONTEXTS outcomes of new contexts reach only their existing parents', async (t) => {
  const fold = memoryFold({}, { max_contexts: 4 })
  fold.learn(KEPT)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'second' } }))
  t.equal(fold.ledger.contexts, 4)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'third' } }))
  t.equal(fold.ledger.refused, 1)
  t.notOk(fold.states.has('model=q,task=third'))
  t.equal(fold.state('model=q').reports.generations, 3)
  fold.learn(outcomeOf({ context: { model: 'new', task: 'third' } }))
  t.equal(fold.ledger.refused, 2)
  t.strictSame([...fold.states.keys()], [...CHAIN, 'model=q,task=second'])
  t.equal(fold.state('*').reports.generations, 4)
})

t.test('the tokens of a prefix reach only a quarter of the contexts, and others are not affected', async (t) => {
  const fold = memoryFold({}, { max_contexts: 20 })
  const report = (model: string, task: string, prefix?: string) =>
    fold.learn(outcomeOf({ context: { model, task }, ...(prefix !== undefined && { prefix }) }))
  for (let i = 0; i < 10; i++) report('evil', `t${i}`, 'model=evil')
  const evil = () => [...fold.states.keys()].filter((key) => key.startsWith('model=evil'))
  t.strictSame(evil(), ['model=evil', 'model=evil,task=t0', 'model=evil,task=t1', 'model=evil,task=t2', 'model=evil,task=t3'])
  t.equal(fold.ledger.refused, 6)
  t.equal(fold.state('model=evil').reports.generations, 10, 'they count for the parent')
  report('good', 't', 'model=good')
  t.ok(fold.states.has('model=good,task=t'))
  report('evil', 't9')
  t.ok(fold.states.has('model=evil,task=t9'), 'a token without a prefix is not bound by the share')
})

t.test('contexts without evidence give way to new ones once they are idle', async (t) => {
  const fold = memoryFold({}, { max_contexts: 6 })
  const bare = (task: string, time: number) => fold.learn(outcomeOf({ context: { model: 'q', task }, steps: null, steps_complete: false, arm: 'treated' }), time)
  fold.learn(KEPT, 0)
  for (const task of ['a', 'b', 'c']) bare(task, 1000)
  const tasks = () => [...fold.states.keys()].filter((key) => key.includes('task=')).map((key) => key.slice(13))
  t.strictSame(tasks(), ['gsm8k', 'a', 'b', 'c'])
  bare('early', 300_000)
  t.strictSame(tasks(), ['gsm8k', 'a', 'b', 'c'], 'none is idle yet')
  bare('b', 500_000)
  bare('soon', 359_999)
  bare('new', 700_000)
  t.strictSame(tasks(), ['gsm8k', 'b', 'new'], 'evidence stays, and so does what was reported on of late')
  t.equal(fold.ledger.contexts, 5)
  t.equal(fold.counts.within('*'), 5)
  bare('d', 700_000)
  bare('e', 700_001)
  t.notOk(fold.states.has('model=q,task=e'), 'it searches at most once a minute')
})

t.test('a busy context takes the place of the least busy one that has no certificate', async (t) => {
  const fold = memoryFold({}, { max_contexts: 6 })
  const report = (task: string, time: number, model = 'q') => fold.learn(outcomeOf({ context: { model, task } }), time)
  for (let i = 0; i < 20; i++) report('used', 1000 * i)
  for (const task of ['served', 'x1', 'x2', 'x3']) report(task, 20_000)
  const tasks = () => [...fold.states.keys()].filter((key) => key.includes('task=')).map((key) => key.slice(13))
  fold.states.set('model=q,task=served', changed(fold.state('model=q,task=served'), { guards: { breaches: 1 } }))
  t.strictSame(tasks(), ['used', 'served', 'x1', 'x2'])
  for (let i = 0; i < 500; i++) report(`random-${i}`, 21_000 + i)
  t.strictSame(tasks(), ['used', 'served', 'x1', 'x2'], 'a context of one outcome is no busier')
  t.ok(fold.ledger.waiting.size <= 64)
  for (let i = 0; i < 15; i++) report('new', 30_000 + 1000 * i)
  t.notOk(fold.states.has('model=q,task=new'))
  for (let i = 0; i < 120; i++) {
    report('new', 46_000 + 1000 * i)
    if (i < 2) report('used', 46_001 + 1000 * i)
  }
  t.strictSame(tasks(), ['used', 'served', 'x2', 'new'])
  for (let i = 0; i < 200; i++) report('other', 200_000 + 1000 * i, 'p')
  t.strictSame([...fold.states.keys()], ['*', 'model=q', 'model=q,task=served', 'model=q,task=new', 'model=p', 'model=p,task=other'], 'with its ancestors')
  t.equal(fold.ledger.contexts, 6)
  t.equal(fold.counts.within('*'), 6)
  for (let i = 0; i < 60; i++) report('slow', 500_000 + 50_000 * i)
  t.notOk(fold.states.has('model=q,task=slow'), 'one that is less busy takes no place, however many outcomes name it')
})

t.test('E9: a context keeps its place, and so its error budget, once it has lost a threshold or has the units of a first certificate', async (t) => {
  const kinds = { drifted: [[KEPT, FIRST], [LOST, LOSSES_UNTIL_ALARM]], spoilt: [[LOST, FIRST]], small: [[LOST, FIRST / 3]] } as const
  for (const [kind, reports] of Object.entries(kinds)) {
    const fold = memoryFold({}, { max_contexts: 3 })
    for (const [outcome, times] of reports) fold.learn(outcome, 0, Math.floor(times))
    if (kind === 'drifted') t.match(fold.state(), { epoch: { number: 2, cause: 'drift' } })
    for (let i = 0; i < 2000; i++) fold.append(outcomeOf({ arm: 'treated', context: { model: 'q', task: 'new' } }), 20_000 + i)
    t.equal(fold.states.has(LEAF), kind !== 'small', kind)
  }
})

t.test('a tenant takes places within its share only from itself', async (t) => {
  const fold = memoryFold({}, { max_contexts: 16 })
  const report = (model: string, task: string, times: number) => {
    for (let i = 0; i < times; i++) fold.learn(outcomeOf({ context: { model, task }, prefix: `model=${model}` }), 1000)
  }
  for (const task of ['a', 'b', 'c', 'd']) report('evil', task, 1)
  report('good', 'a', 1)
  const of = (model: string) => [...fold.states.keys()].filter((key) => key.startsWith(`model=${model}`))
  t.strictSame(of('evil'), ['model=evil', 'model=evil,task=a', 'model=evil,task=b', 'model=evil,task=c'])
  report('evil', 'busy', 40)
  t.strictSame(of('evil'), ['model=evil', 'model=evil,task=b', 'model=evil,task=c', 'model=evil,task=busy'])
  t.strictSame(of('good'), ['model=good', 'model=good,task=a'])
})

t.test('a context does not give way to one below it, nor if it has learned anything else', async (t) => {
  const bare = (task: string) => outcomeOf({ context: { model: 'q', task }, steps: null, steps_complete: false, arm: 'treated' })
  const fold = memoryFold({}, { max_contexts: 3 })
  fold.learn(bare('a'), 1000)
  fold.states.delete('model=q,task=a')
  fold.counts.remove('model=q,task=a')
  fold.learn(bare('b'), 700_000)
  t.ok(fold.states.has('model=q'))
  const changes: Changes[] = [
    { epoch: { looks: { count: 1, at: 0, level: 0, uncertified: 0 } } },
    { guards: { breaches: 1 } }, { probes: { form: { at: 0 } as never } },
    { savings: { sums: { ...NO_SAVINGS, treated: { ...NO_SAVINGS.treated, generations: 1, tokens: 1 } } } },
  ]
  for (const change of [{}, ...changes]) {
    const fold = memoryFold({}, { max_contexts: 3 })
    fold.learn(bare('a'), 1000)
    fold.states.set('model=q,task=a', changed(fold.state('model=q,task=a'), change))
    fold.learn(bare('b'), 700_000)
    t.equal(fold.states.has('model=q,task=a'), Object.keys(change).length > 0, JSON.stringify(change))
  }
})

t.test('a search for the contexts of a prefix does not delay that of another', async (t) => {
  const fold = memoryFold({}, { max_contexts: 24 })
  const bare = (model: string, task: string, time: number) =>
    fold.learn(outcomeOf({ context: { model, task }, steps: null, steps_complete: false, arm: 'treated', prefix: `model=${model}` }), time)
  for (const model of ['p', 'r']) for (const task of ['a', 'b', 'c', 'd', 'e']) bare(model, task, 1000)
  for (const model of ['p', 'r']) bare(model, 'new', 700_000)
  t.ok(fold.states.has('model=p,task=new') && fold.states.has('model=r,task=new'))
  t.strictSame([...fold.ledger.searched_at], [['model=p', 700_000], ['model=r', 700_000]])
})

t.test('a context with open enrolments does not give way', async (t) => {
  const fold = memoryFold({ follow_up_seconds: 3600 }, { max_contexts: 4 })
  const list = (number: number, key: string) => ({ type: 'enrolment', boot: 'b', number, age: 0, entries: [{ key, epoch: null, share: 1, draws: [[0.1 * number, 0.5]] }] }) as const
  fold.learn(list(1, 'model=q,task=a'), 1000)
  fold.learn(list(2, 'model=q,task=b'), 2000)
  fold.learn(list(3, 'model=q,task=c'), 700_000)
  t.strictSame([...fold.states.keys()], ['*', 'model=q', 'model=q,task=a', 'model=q,task=b'])
})

t.test('evidence that was silent for too long is not taken up again by the next outcome', async (t) => {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(KEPT, 1000, FIRST)
  fold.learn(KEPT, 100_999)
  t.equal(fold.state().epoch.number, 1)
  fold.learn(KEPT, 200_998)
  t.equal(fold.state().epoch.number, 1, 'just in time')
  fold.learn(KEPT, 300_998 + SLICE)
  t.match(fold.state(), { epoch: { number: 2, cause: 'evidence_stale' }, rule: { index: -1 } })
  fold.learn(KEPT, 310_000)
  t.equal(generationsAt(fold), 1, 'the next generation is the first of the new epoch')
})

t.test('an enrolled generation is accounted for by its outcome, in whatever order outcomes come', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.15, 0.2], 0)
  fold.report(0.2, 1000)
  fold.report(0.1, 2000, { steps: [{ ...SURE_STEP, exact_match: 0 }] })
  fold.report(0.15, 3000)
  fold.pass(4000, SLICE_MOST)
  t.match(knownEvidence(fold.state().evidence), { generations: 3, lost: GRID.map(() => 1) })
  t.match(fold.state(), { reports: { follow_up: { enrolled: 3, accounted: 3 }, fed_by: undefined } })
})

t.test('E1: an outcome of a generation that was never enrolled is not evidence', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.2, 1000)
  fold.pass(2000, 13_000)
  t.match(fold.state(), { reports: { follow_up: { enrolled: 1, unenrolled: 1 } } })
  t.equal(fold.pending.size, 0)
})

t.test('E2: control outcomes that nothing enrolled are left out, a group once, except for those that never asked', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.2, 1000)
  for (let i = 0; i < 4; i++) fold.report(0.3, 1000, { generation_id: `sample-${i}`, sample_index: i, samples: 4 })
  fold.report(0.4, 1000, { steps: [], tokens: 10 })
  t.match(fold.state().reports.follow_up, { unenrolled: 1, left_out: 0 }, 'the others wait for their entry')
  fold.pass(2000, 14_000)
  t.match(fold.state().reports.follow_up, { unenrolled: 6, left_out: 2 })
})

t.test('E1: of the generations of a prompt only that which enrolled it counts, for half an hour', async (t) => {
  const fold = enrolledFold()
  const sample = (name: string, hash: number) => ({ generation_id: name, hash, by_prompt: true }) as const
  fold.report(0.1, 500, sample('waits', 0.7))
  fold.enrol([0.1], 1000) // by a generation with the second hash 0.1
  fold.report(0.1, 1000, sample('other', 0.5))
  t.equal(fold.cohorts.get(LEAF)!.open, 1, 'neither of these')
  fold.report(0.1, 2000, { ...sample('first', 0.1), full: { exact_match: 0 } })
  t.equal(fold.cohorts.get(LEAF)!.open, 0)
  fold.report(0.1, 3000, sample('later', 0.6))
  fold.enrol([0.1], 100_000)
  t.match(fold.state().reports.follow_up, { enrolled: 1, reported: 1, unenrolled: 0, left_out: 0 })
  fold.enrol([0.1], 2_000_000)
  t.equal(fold.state().reports.follow_up.enrolled, 1, 'time has passed in one step, of which 5 s count')
  fold.pass(2_001_000, 3_900_000)
  fold.enrol([0.1], 3_901_000)
  t.equal(fold.state().reports.follow_up.enrolled, 2)
})

t.test('E7: an unmarked outcome is counted', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000, { is_unmarked: true })
  fold.report(0.2, 1000)
  t.match(fold.state().reports.follow_up, { reported: 2, unmarked: 1 })
})

t.test('outcomes without any probed answer are counted, and those whose answer is a call of tools', async (t) => {
  const fold = enrolledFold()
  const step = (tokens: number, confidence: number | null) => ({ tokens, confidence })
  fold.enrol([0.1, 0.15, 0.2], 0)
  fold.report(0.1, 1000, { steps: [step(10, null), step(20, null)] })
  fold.report(0.15, 1000, { steps: [step(10, null), step(20, 0.5)] })
  fold.report(0.2, 1000, { steps: [step(10, 0.5)], is_call: true, is_rewarded: true })
  const { follow_up: counts, recent } = fold.state().reports
  t.match(counts, { reported: 3, unanswered: 1, calls: 1, rewarded: 1 })
  t.strictSame(recentParts(recent).unanswered, [1, 3])
})

t.test('E2: outcomes of generations of the epoch before are not left out of the next one, and wait for nothing', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.enrol([0.21], 1000, { age: 10_001 })
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' }, 2000)
  fold.enrol([0.22], 2000, { epoch: '0-1' })
  for (const u of [0.1, 0.2, 0.21, 0.22]) fold.report(u, 3000)
  t.equal(fold.pending.size, 0)
  t.match(fold.state(), { epoch: { number: 2 }, reports: { follow_up: { enrolled: 0, void: 1, unenrolled: 4, left_out: 0 } } })
  fold.report(0.23, 3000)
  fold.pass(4000, 16_000)
  t.match(fold.state().reports.follow_up, { unenrolled: 5, left_out: 1 })
})

t.test('E2: nothing is certified while more than twice the bound is left out, also of outcomes that still wait for their entry', async (t) => {
  const slices = drawsBySlice(256)
  const ends = slices.length * SLICE_LEAST
  const certified = (odd: number, isLate = true) => {
    const fold = enrolledFold()
    for (const [slice, us] of slices.entries()) {
      const time = slice * SLICE_LEAST
      fold.pass(time, time)
      fold.enrol(us, time)
      for (const u of us) fold.report(u, time + 1000)
      if (slice === slices.length - 1) for (let i = 0; i < odd; i++) fold.report(i / 1024, time + 1000)
      fold.pass(time + 2000, time + SLICE_LEAST - 1000)
    }
    fold.pass(ends, ends + (isLate ? 13_000 : 1000))
    return fold
  }
  t.not(certified(10).state().rule.index, -1, '10 of 266 are less than 4 %')
  for (const isLate of [false, true]) t.equal(certified(11, isLate).state().rule.index, -1, '11 of 267 are more')
  const fold = certified(0)
  for (let i = 0; i < 20; i++) fold.report(i / 1024, ends + 14_000, { arm: 'control' })
  fold.pass(ends + 15_000, ends + 30_000)
  t.match(fold.state(), { reports: { follow_up: { left_out: 20 } }, rule: { index: LAST } }, 'a certificate stays')
})

t.test('a treated outcome whose entry never arrives is not counted as unenrolled', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.2, 100)
  fold.report(0.9, 100, { arm: 'treated' })
  fold.pass(1000, 14_000)
  t.match(fold.state(), { reports: { follow_up: { enrolled: 1, unenrolled: 1 } } })
})

t.test('E6: with a label_rate, outcomes beyond that share of the draws wait for no entry', async (t) => {
  const fold = enrolledFold({ label_rate: 0.2 })
  fold.enrol([0.1], 0)
  fold.report(0.15, 1000)
  fold.report(0.22, 1000)
  t.strictSame([...fold.pending.values()].map(({ outcome }) => outcome.u), [0.15])
  fold.pass(2000, 14_000)
  t.match(fold.state(), { reports: { follow_up: { unenrolled: 1 } } }, 'nobody expects the second one to be enrolled')
})

let invented = 0
/** Signals with names that nobody has used before. */
const newSignals = () => Object.fromEntries(Array.from({ length: 16 }, () => [`invented-${invented++}`, Math.random()]))
const inventing = (id: string, overrides: Parameters<typeof outcomeOf>[0] = {}) => outcomeOf({
  generation_id: id,
  u: invented / 1e9,
  steps: Array.from({ length: 12 }, (_, i) => ({ ...SURE_STEP, confidence: i / 12, signals: newSignals() })),
  ...overrides,
})

function namesKept ({ reservoir, pending }: MemoryFold, leaf?: string): number {
  const items = [...reservoir.samples(), ...[...pending.values()].map(({ leaf, outcome: { steps } }) => ({ leaf, steps: steps ?? [] }))]
  const mine = items.filter((item) => leaf === undefined || item.leaf === leaf)
  return new Set(mine.flatMap(({ steps }) => steps.flatMap(({ signals = {} }) => Object.keys(signals)))).size
}

t.test('a worker that invents signal names fills only the room of its context, which then warns', async (t) => {
  const fold = memoryFold()
  for (let i = 0; i < 50; i++) fold.learn(inventing(`g${i}`))
  t.equal(namesKept(fold), NAMES_OF_LEAF)
  t.equal(fold.reservoir.samples().length, 50, 'the rest of each outcome counts')
  t.match(fold.state(), { reports: { generations: 50, follow_up: { signals_refused: 50, accounted: 50 } } })
  t.same(contextWarnings(fold.state(), DEFAULT_POLICY), [])
})

t.test('many contexts share the room for names', async (t) => {
  const fold = memoryFold()
  for (let i = 0; i < 40; i++) fold.learn(inventing(`g${i}`, { context: { model: 'q', task: `task-${i}` } }))
  t.equal(namesKept(fold), NAMES)
})

t.test('names in waiting outcomes count too, and are free again when the outcomes are dropped', async (t) => {
  const fold = memoryFold({ follow_up_seconds: 60 })
  for (let i = 0; i < 20; i++) fold.append(inventing(`g${i}`))
  t.ok(fold.pending.size > 0)
  t.equal(namesKept(fold), NAMES_OF_LEAF)
  for (const { outcome } of [...fold.pending.values()]) fold.pending.remove(outcome.generation_id)
  fold.append(inventing('later'))
  t.equal(namesKept(fold), NAMES_OF_LEAF, 'there was room for new names')
})

t.test('the names are known again after a restart', async (t) => {
  const fold = memoryFold()
  for (let i = 0; i < 5; i++) fold.learn(inventing(`g${i}`))
  const reservoir = new Reservoir([...fold.reservoir.takeChanges()].map(([number, sample]) => [number, sample!]))
  const restored = Object.assign(fold, { reservoir, pending: new PendingOutcomes([], reservoir.names) })
  restored.learn(inventing('after'))
  t.equal(namesKept(restored, LEAF), NAMES_OF_LEAF)
})

t.test('a signal that a live predictor uses is kept, and known signals are untouched', async (t) => {
  const fold = memoryFold()
  fold.learn(outcomeOf({ generation_id: 'known', steps: [{ ...SURE_STEP, signals: { known: 1 } }] }))
  for (let i = 0; i < 10; i++) fold.learn(inventing(`g${i}`))
  const predictor = { ...PREDICTOR, signals: [{ name: 'scored', mean: 0, scale: 1 }] }
  fold.predictors.set(predictor.name, predictor)
  fold.learn(outcomeOf({ generation_id: 'last', steps: [{ ...SURE_STEP, signals: { stranger: 1, scored: 2, known: 3 } }] }))
  t.same(fold.reservoir.samples().at(-1)!.steps[0]!.signals, { scored: 2, known: 3 })
})

t.test('outcomes with the same few names are never refused', async (t) => {
  const fold = memoryFold()
  const entry = outcomeOf({ steps: [{ ...SURE_STEP, signals: { entropy: 0.3, answer_streak: 2 } }] })
  fold.learn(entry, 0, 100)
  t.equal(fold.state().reports.follow_up.signals_refused, 0)
  t.same(contextWarnings(fold.state(), DEFAULT_POLICY), ['grader_unseen'])
})

t.test('E5: an enrolled generation that is reported as treated, stopped, without complete steps or in another context is missing', async (t) => {
  for (const [name, changes] of [
    ['treated', { arm: 'treated' }], ['stopped', { stopped: true }], ['no steps', { steps: null }], ['incomplete', { steps_complete: false }],
    ['elsewhere', { context: { model: 'q', task: 'other' } }],
  ] as const) {
    const fold = enrolledFold()
    fold.enrol([0.1], 0)
    fold.report(0.1, 1000, changes)
    fold.pass(2000, FOLLOW_UP)
    const evidence = { generations: 1, lost: GRID.map(() => 1) }
    t.match(fold.state(), { reports: { follow_up: { enrolled: 1, accounted: 0, missing: 1 } }, evidence: { final: evidence } }, name)
  }
})

t.test('E5: a cancelled generation is left out', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000, { cancelled: true, steps: null })
  fold.report(0.2, 1000)
  fold.pass(2000, SLICE_MOST)
  t.match(fold.state(), { reports: { follow_up: { accounted: 1, missing: 0, cancelled: 1 } }, evidence: { final: { generations: 1 } } })
})

t.test('E7: a sample that was retried counts once, so the group still waits for its last one', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.2], 0)
  const sample = (id: string, sample_index: number, changes = {}) =>
    fold.report(0.2, 100, { generation_id: id, sample_index, samples: 3, ...changes })
  sample('a', 0)
  sample('b', 1, { full: {} })
  sample('b-retried', 1)
  t.match([...fold.cohorts.get(LEAF)!.members.values()], [{ samples: 3, reported: 2, waiting: ['b'] }])
  fold.learn({ type: 'label', generation_id: 'b', em: 1 }, 200)
  t.equal(fold.cohorts.get(LEAF)!.open, 1)
  sample('c', 2)
  t.equal(fold.cohorts.get(LEAF)!.open, 0)
})

t.test('E7: samples of a group that state no number all count', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.2], 0)
  for (const id of ['a', 'b']) fold.report(0.2, 100, { generation_id: id, sample_index: -1, samples: 2 })
  t.equal(fold.cohorts.get(LEAF)!.open, 0)
})

t.test('a group without end keeps 4,096 samples, and any more count as lost', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.2], 0)
  for (let i = 0; i < MAX_SAMPLES + 10; i++) fold.report(0.2, 100, { generation_id: `g${i}`, sample_index: i, full: {} })
  t.equal(fold.pending.size, MAX_SAMPLES)
  t.match([...fold.cohorts.get(LEAF)!.members.values()], [{ reported: MAX_SAMPLES + 10, missing: 10 }])
})

t.test('an outcome for whose label there is no room counts at its worst, and keeps nothing', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.2, 0.21], 0)
  const cohort = fold.cohorts.get(LEAF)!
  Object.defineProperty(cohort, 'hasRoomForLabel', { value: false })
  fold.report(0.2, 100, { sample_index: 0, samples: 2, full: {} })
  t.equal(fold.pending.size, 0)
  t.match(cohort.members.get(0.2), { reported: 1, atWorst: 1, missing: 0, waiting: [] })
  t.match(fold.state().reports.follow_up, { reported: 1, labels_wanted: 1 })
  fold.report(0.21, 100)
  t.equal(cohort.open, 1, 'a labelled outcome needs no room')
})
