import t from 'tap'
import {
  addFinalAnswer, addGrades, type GraderCounts, graderFault, isGraderBroken, isGraderClear, isGraderSuspicious, isGraderUnseen, NO_GRADER,
} from '../../../src/core/evidence/grader.js'
import { sumOfRuns } from '../../../src/core/evidence/recent-runs.js'
import { gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'

/** Counts many outcomes. */
function counted (times: number, report: (i: number) => Partial<ReportedOutcome>, before: GraderCounts = NO_GRADER): GraderCounts {
  let counts = before
  for (let i = 0; i < times; i++) {
    const outcome = gradeOutcome('salt', { generation_id: `g${i}`, tokens: 100, ...report(i) })
    counts = addGrades(addFinalAnswer(counts, outcome), outcome)
  }
  return counts
}

const isSilent = (counts: GraderCounts) => graderFault(counts) === 'differing_answers_graded_alike'

/** The counts with the sums of their runs. */
function summed ({ differing, agreeing, ...rest }: GraderCounts) {
  return { ...rest, differing: sumOfRuns(differing, 1), agreeing: sumOfRuns(agreeing, 1) }
}

const step = (answer: string, more: object = {}) => ({ tokens: 10, confidence: 1, answer, ...more })

/** Answers `i`, and has probed another one before. */
const differing = (reference: string) => (i: number) => ({ answer: `a${i}`, reference, steps: [step('other'), step(`a${i}`)] })

t.test('a grader is broken while 30 generations have answers that differ, and none of them has another EM', async (t) => {
  t.notOk(isGraderBroken(counted(29, differing('never'))))
  const never = counted(30, differing('never'))
  t.match(summed(never), { differing: [30, 0], agreeing: [30, 0] })
  t.ok(isGraderBroken(never))
  t.ok(isGraderBroken(counted(30, (i) => ({ answer: `a${i}`, em: 1, steps: [step('other', { em: 1 })] }))), 'one that always matches')
  const same = counted(1, differing('a0'), counted(29, differing('never')))
  t.match(summed(same), { differing: [30, 1] })
  t.notOk(isGraderBroken(same))
})

t.test('a grader that worked falls silent: a run without a change that chance does not explain', async (t) => {
  const working = counted(100, (i) => differing(i % 2 === 0 ? `a${i}` : 'never')(i))
  t.match(summed(working), { differing: [100, 50], unchanged: 1 })
  t.notOk(isSilent(counted(30, differing('never'), working)))
  const silent = counted(80, differing('never'), working)
  t.ok(isSilent(silent))
  t.notOk(isGraderBroken(silent), 'a certificate from before stays')
  t.notOk(isGraderClear(silent))
  t.ok(isGraderClear(counted(1, differing('a0'), silent)))
  t.notOk(isGraderSuspicious(counted(28, differing('never'), working)))
  t.ok(isGraderSuspicious(counted(29, differing('never'), working)), 'long before, nothing new is certified')
  const rarely = counted(100, (i) => differing(i === 7 ? 'a7' : 'never')(i))
  t.notOk(isSilent(counted(600, differing('never'), rarely)), 'where EM rarely changes, chance explains a long run')
})

t.test('the counts are of the newest 1,024 generations that differ or agree, and of as many answers', async (t) => {
  const worked = counted(5000, (i) => differing(i % 2 === 0 ? `a${i}` : 'never')(i))
  const broken = counted(1024, differing('never'), worked)
  t.match(summed(broken), { differing: [Number, 0] })
  t.ok(isGraderBroken(broken), 'no differing answer of the newest ones changes EM')
  const same = counted(1024, () => ({ answer: 'yes' }), worked)
  t.equal(graderFault(counted(1023, () => ({ answer: 'yes' }), worked)), null)
  t.equal(graderFault(same), 'answers_all_the_same')
  t.equal(graderFault(counted(1, () => ({ answer: 'no' }), same)), null)
})

t.test('nobody sees whether a grader works if EM never changes and no answer is stated', async (t) => {
  const bare = (probed: 0 | 1) => () => ({ em: 1 as const, steps: [{ tokens: 10, confidence: 1, em: probed }] })
  t.notOk(isGraderUnseen(counted(99, bare(1))))
  t.ok(isGraderUnseen(counted(100, bare(1))))
  t.notOk(isGraderUnseen(counted(100, bare(1), counted(1, bare(0)))), 'EM has changed once')
  t.notOk(isGraderUnseen(counted(100, (i) => ({ answer: `a${i}`, em: 1 as const, steps: [step(`a${i}`, { em: 1 })] }))), 'answers are stated')
})

t.test('answers without grades, or without text, show nothing of the grader', async (t) => {
  t.match(counted(40, (i) => ({ answer: `a${i}`, steps: [step('other')] })), { differing: [], answers: 40, same: 1 })
  t.match(counted(40, () => ({ em: 1, steps: [{ tokens: 10, confidence: 1, em: 0 }] })), { differing: [], answers: 0, bare: -1 })
  t.equal(counted(40, () => ({ em: 1 })), NO_GRADER)
})

t.test('a grader is broken while more than 1 % of 30 equal answers have another EM', async (t) => {
  const agreeing = (contradicting: number) => (i: number) => ({ answer: `a${i}`, em: 1 as const, steps: [step(`a${i}`, { em: i < contradicting ? 0 : 1 })] })
  t.notOk(isGraderBroken(counted(29, agreeing(29))))
  t.ok(isGraderBroken(counted(30, agreeing(1))))
  const mostly = counted(100, agreeing(1))
  t.notOk(isGraderBroken(mostly), 'it is not broken any more')
  t.notOk(isGraderClear(mostly), 'and not clear before half of that')
  t.ok(isGraderClear(counted(200, agreeing(1))))
  t.ok(isGraderBroken(counted(100, agreeing(2))))
})

t.test('a grader that is stricter than Exact Match is not broken', async (t) => {
  const strict = counted(100, (i) => ({ answer: `0${i}`, em: 1 as const, steps: [step(`${i}`, { em: 0 }), step(`0${i}`, { em: 1 })] }))
  t.match(summed(strict), { agreeing: [100, 0], differing: [100, 100] }, 'it grades 7 and 07 differently')
  t.notOk(isGraderBroken(strict))
  const lax = counted(100, (i) => ({ answer: `0${i}`, em: 1 as const, steps: [step(`${i}.`, { em: 1 })] }))
  t.match(summed(lax), { agreeing: [100, 0], differing: [0, 0] })
})

t.test('a grader is broken while all of 30 answers are the same, empty ones too', async (t) => {
  for (const answer of ['yes', ' ']) {
    t.notOk(isGraderBroken(counted(29, () => ({ answer }))))
    t.ok(isGraderBroken(counted(30, () => ({ answer }))), answer)
  }
  t.notOk(isGraderBroken(counted(300, (i) => ({ answer: i === 7 ? 'no' : 'yes' }))))
})

t.test('of a group one sample counts, and of a generation one pair of equal answers', async (t) => {
  const samples = (answer: string) => (i: number) => ({ group_id: 'p', sample_index: i, samples: 64, ...differing('never')(0), answer })
  t.match(summed(counted(64, samples('yes'))), { answers: 1, differing: [1] }, 'an easy prompt is no broken grader')
  const probes = Array.from({ length: 40 }, (_, i) => ({ ...step('a', { em: 0 }), tokens: 10 + i }))
  t.match(summed(counted(1, () => ({ answer: 'a', em: 1 as const, steps: probes }))), { agreeing: [1, 1] })
})

t.test('a grader that shows differences after it showed none is clear', async (t) => {
  for (const [broken, repaired] of [
    [counted(30, differing('never')), differing('a0')], [counted(30, () => ({ answer: 'yes' })), () => ({ answer: 'no' })],
  ] as const) {
    t.notOk(isGraderClear(broken))
    t.ok(isGraderClear(counted(1, repaired, broken)))
  }
})
