import t from 'tap'
import { FIRST_SHARE } from '../../../src/core/decide/arm.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { isGraderBroken } from '../../../src/core/evidence/grader.js'
import { answerDigest } from '../../../src/core/outcome/exact-match.js'
import { gradeOutcome } from '../../../src/core/outcome/outcome.js'
import { withLateLabel } from '../../../src/core/learn/late-label.js'
import type { LabelEntry } from '../../../src/core/learn/log-entry.js'
import { pruneSteps } from '../../../src/core/learn/pending-outcomes.js'
import { enrolledFold, FOLLOW_UP, SLICE_MOST } from './enrolled-fold.js'
import { LEAF } from './memory-fold.js'

const graded = (...args: Parameters<typeof gradeOutcome>) =>
  pruneSteps(gradeOutcome(...args), { minTokens: [0], scorer: null, isSampled: false })
const digest = (answer: string) => answerDigest('salt', answer)
const label = (fields: Partial<LabelEntry>): LabelEntry => ({ type: 'label', generation_id: 'g', ...fields })
const step = (tokens: number, answer?: string) => ({ tokens, confidence: tokens / 40, ...(answer !== undefined && { answer }) })

/** Came without a label: the first probe is another answer, the second the final one, the third step was not probed. */
const answered = graded('salt', { generation_id: 'g', tokens: 100, answer: '42', steps: [step(10, '41'), step(20, '$42.0'), step(30)] })
const emsOf = ({ full, steps }: typeof answered) => [full.exact_match, ...steps!.map((step) => step.exact_match)]

t.test('a reference grades the final answer and every probe, by their digests', async (t) => {
  t.strictSame(emsOf(withLateLabel(answered, label({ references: [digest('42')] }))), [1, 0, 1, undefined])
  t.strictSame(emsOf(withLateLabel(answered, label({ references: [digest('41'), digest('40')] }))), [0, 1, 0, undefined], 'a gain')
})

t.test('em alone: a probe that agrees with the final answer is as right; another counts as wrong, which never flatters', async (t) => {
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 1 }))), [1, 0, 1, undefined])
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 0 }))), [0, 0, 0, undefined])
})

t.test('the worker\'s own verdicts come first', async (t) => {
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 1, steps: [1, null, 0] }))), [1, 1, 1, 0])
  const own = graded('salt', { generation_id: 'g', tokens: 100, steps: [{ ...step(10), em: 1 }] })
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 1, steps: [1, null] }))), [1, 0, 1, undefined], 'a list of another length is of other steps')
  t.strictSame(emsOf(withLateLabel(own, label({ em: 0, steps: [0] }))), [0, 1], 'what the outcome said of a step stands')
})

t.test('an empty answer agrees with no other, and a reference that is not blank grades it as wrong', async (t) => {
  const empty = graded('salt', { generation_id: 'g', tokens: 100, answer: '', steps: [step(10, ''), step(20, '42')] })
  t.strictSame(emsOf(withLateLabel(empty, label({ em: 1 }))), [1, 0, 0])
  t.strictSame(emsOf(withLateLabel(empty, label({ references: [digest('42')] }))), [0, 0, 1])
})

t.test('an answer may come with the label', async (t) => {
  const bare = graded('salt', { generation_id: 'g', tokens: 100, steps: [step(10, '42')] })
  t.strictSame(emsOf(withLateLabel(bare, label({ answer: digest('42'), references: [digest('42')] }))), [1, 1])
  t.strictSame(emsOf(withLateLabel(bare, label({ answer: digest('7'), em: 0 }))), [0, 0])
})

t.test('verdicts of a comparison give differences; a step that agrees is a tie, and one that was not compared stays unknown', async (t) => {
  const differencesOf = (...differences: Array<number | null>) =>
    withLateLabel(answered, label({ differences })).steps!.map(({ difference }) => difference)
  t.strictSame(differencesOf(8, null, null), [1, 0, undefined])
  t.strictSame(differencesOf(-8, null, null), [-1, 0, undefined])
  t.strictSame(differencesOf(-3, 8, 0), [-3 / 8, 1, 0])
  t.equal(withLateLabel(answered, label({ differences: [8] })), answered, 'a list of another length is of other steps, and settles nothing')
  const { full } = withLateLabel(answered, label({ differences: [8, 0, 0] }))
  t.equal(full.exact_match, undefined, 'whether the final answer is right stays unknown')
})

t.test('a label that settles nothing leaves the outcome as it is', async (t) => {
  const bare = graded('salt', { generation_id: 'g', tokens: 100 })
  t.equal(withLateLabel(bare, label({ references: [digest('42')] })), bare, 'there is no answer to compare')
  t.equal(withLateLabel(answered, label({})), answered)
  t.equal(withLateLabel(answered, label({ stopped_probe_difference: 1 })), answered, 'it was not stopped')
})

const labelOf = (generation_id: string, em: 0 | 1 = 1): LabelEntry => ({ type: 'label', generation_id, em })

/** Its answer would have changed at every threshold, so only a label can show what that lost. */
const CHANGED = { full: {}, answer_digest: 'x', steps: [{ tokens: 40, confidence: 1, answer_digest: 'y' }] }
const AGREES = { ...CHANGED, steps: [{ tokens: 40, confidence: 1, answer_digest: 'x' }] }

t.test('labels show what thresholds lose, of outcomes that came without their grade', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.15, 0.2, 0.24], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.report(0.15, 1000, AGREES)
  fold.report(0.2, 1000)
  fold.report(0.24, 1000, { arm: 'treated', stopped: true, ...CHANGED, steps: null })
  fold.learn(labelOf('g0.1'), 2000)
  fold.learn(labelOf('g0.1'), 2000)
  t.same(fold.state().labels.losses, { reported: 2, lost: GRID.map(() => 1), gained: GRID.map(() => 0) })
})

t.test('an outcome whose label is not requested waits for none, and counts as lost where its answer would have changed', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.1, 1000, { ...CHANGED, no_label: true })
  t.equal(fold.pending.size, 0)
  fold.learn(labelOf('g0.1', 0), 1500)
  fold.pass(2000, SLICE_MOST + 1000)
  const { reports: { follow_up: counts } } = fold.state()
  t.match(counts, { accounted: 1, missing: 0, reported: 1, labels_wanted: 0 })
  t.same(knownEvidence(fold.state().evidence).lost, new Array(GRID.length).fill(1))
})

t.test('E6: an outcome whose answer would have changed waits for its label; an outcome that agrees needs none', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.report(0.2, 1000, AGREES)
  t.equal(fold.pending.size, 1)
  t.equal(fold.cohorts.get(LEAF)!.open, 1)
  t.match(fold.state(), { reports: { follow_up: { labels_wanted: 1, labels_given: 0 } } })
  fold.learn(labelOf('g0.1'), 2000)
  t.equal(fold.pending.size, 0)
  fold.learn(labelOf('g0.1', 0), 2000)
  fold.learn(labelOf('nobody'), 2000)
  fold.pass(3000, SLICE_MOST)
  t.match(fold.state(), { reports: { follow_up: { labels_wanted: 1, labels_given: 1, accounted: 2, missing: 0 } } }, 'a label counts once')
  t.match(knownEvidence(fold.state().evidence), { generations: 2, full_em: 1 })
  t.equal(knownEvidence(fold.state().evidence).lost[29], 1)
})

t.test('E5: a label that does not arrive in time is missing, and a late label changes nothing', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.report(0.2, 1000)
  fold.pass(5000, FOLLOW_UP - 1000)
  t.equal(fold.pending.size, 1)
  fold.learn(labelOf('g0.1'), FOLLOW_UP) // its time is up, though no tick has said so
  t.equal(fold.pending.size, 0)
  fold.pass(FOLLOW_UP + 1000, FOLLOW_UP + 2000)
  const missed = { missing: 1, accounted: 1, labels_given: 0, labels_missed: 1 }
  t.match(fold.state(), { reports: { follow_up: missed }, evidence: { final: { generations: 2 } } })
})

t.test('a label that says nothing leaves room for a better one', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.learn({ type: 'label', generation_id: 'g0.1' }, 1500)
  fold.learn({ type: 'label', generation_id: 'g0.1', differences: [8, 8] }, 1550)
  t.equal(fold.pending.size, 1)
  fold.learn({ type: 'label', generation_id: 'g0.1', references: ['y'] }, 1600)
  t.equal(fold.pending.size, 0)
  fold.pass(2000, SLICE_MOST)
  t.match(knownEvidence(fold.state().evidence), { gained: { 29: 1 } }, 'the answer probed was the right one')
})

t.test('a label that arrives after the end of its epoch does not affect the next epoch', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.learn({ type: 'reset', key: LEAF, reason: 'new weights', by: 'test' }, 1500)
  fold.learn(labelOf('g0.1'), 2000)
  fold.pass(3000, SLICE_MOST)
  t.equal(fold.pending.size, 0)
  const { epoch, reports, evidence } = fold.state()
  t.match([epoch.number, reports.follow_up, evidence.final], [2, { accounted: 0, labels_given: 0 }, { generations: 0 }])
})

t.test('E7: a group is accounted for when the last label is in', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  const sample = (i: number, changes = {}) => fold.report(0.1, 1000, { generation_id: `s${i}`, sample_index: i, samples: 2, ...changes })
  sample(0, CHANGED)
  sample(1, CHANGED)
  fold.learn(labelOf('s1'), 2000)
  t.equal(fold.cohorts.get(LEAF)!.open, 1)
  fold.learn(labelOf('s0', 0), 2000)
  t.equal(fold.cohorts.get(LEAF)!.open, 0)
  fold.pass(3000, SLICE_MOST)
  t.equal(knownEvidence(fold.state().evidence).lost[29], 0.5)
})

t.test('labels that never change anything show a broken grader, and one that does starts an epoch', async (t) => {
  const fold = enrolledFold()
  const us = Array.from({ length: 31 }, (_, i) => FIRST_SHARE * (i + 0.5) / 31)
  fold.enrol(us, 0)
  for (const u of us) fold.report(u, 1000, { ...CHANGED, answer_digest: `x${u}`, steps: [{ tokens: 40, confidence: 1, answer_digest: 'y', agreement: 0 }] })
  t.notOk(isGraderBroken(fold.state().reports.grader), 'nothing is graded yet')
  for (const u of us.slice(1)) fold.learn(labelOf(`g${u}`, 0), 2000)
  t.ok(isGraderBroken(fold.state().reports.grader))
  fold.pass(3000, 4000)
  t.equal(fold.state().epoch.number, 1)
  fold.learn(labelOf(`g${us[0]}`, 1), 5000)
  fold.pass(6000, 7000)
  t.match(fold.state(), { epoch: { number: 2, cause: 'repair' }, reports: { grader: { differing: [[31, 1]] }, is_blocked: false } }, 'counts go on, so that the block does not begin again')
})

t.test('a comparison decides what an outcome is worth as evidence, and names its source', async (t) => {
  const lossOf = (eighths: number) => {
    const fold = enrolledFold()
    fold.enrol([0.1], 0)
    fold.report(0.1, 1000, CHANGED)
    fold.learn({ type: 'label', generation_id: 'g0.1', differences: [eighths], source: 'judge:j' }, 2000)
    fold.pass(3000, SLICE_MOST)
    const { evidence: { open, final: evidence }, labels: { sources } } = fold.state()
    const sums = [evidence, open.evidence]
    const most = (field: 'lost' | 'gained') => Math.max(...sums.map((sum) => sum[field].at(-1)!))
    return { lost: most('lost'), gained: most('gained'), sources }
  }
  t.strictSame(lossOf(8), { lost: 1, gained: 0, sources: { 'judge:j': 1 } })
  t.strictSame(lossOf(-8), { lost: 0, gained: 1, sources: { 'judge:j': 1 } })
  t.strictSame(lossOf(0), { lost: 0, gained: 0, sources: { 'judge:j': 1 } })
  t.strictSame(lossOf(3), { lost: 3 / 8, gained: 0, sources: { 'judge:j': 1 } })
})
