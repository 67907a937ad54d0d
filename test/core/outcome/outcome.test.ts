import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { secondHash, uniform } from '../../../src/core/decide/arm.js'
import { answerDigest } from '../../../src/core/outcome/exact-match.js'
import { clampConfidence } from '../../../src/core/decide/scorer.js'
import {
  gradeOutcome, type LoggedStep, outcomeProblem, probeTokensOfSteps, type ReportedOutcome, withProbeCosts,
} from '../../../src/core/outcome/outcome.js'

const REPORT: ReportedOutcome = { generation_id: 'g1', tokens: 100 }

/** Labels of the full answer and of each step. */
function labels (report: Partial<ReportedOutcome>) {
  const { full, steps } = gradeOutcome('salt', { ...REPORT, ...report })
  return { full, steps: steps?.map(({ tokens: _, confidence: __, answer_digest: ___, ...judged }) => judged) }
}

const step = (rest: object) => ({ tokens: 10, confidence: 0.5, ...rest })

t.test('em is taken as the worker states it', async (t) => {
  t.strictSame(labels({ em: 1, steps: [step({ em: 0 }), step({})] }), { full: { exact_match: 1 }, steps: [{ exact_match: 0 }, {}] })
})

t.test('the answer and every probe are graded against a reference', async (t) => {
  const steps = [step({ answer: 'four' }), step({ answer: '4.0' }), step({})]
  t.strictSame(labels({ answer: '4', reference: ['4', 'four'], steps }), {
    full: { exact_match: 1, agreement: 1 },
    steps: [{ exact_match: 1, agreement: 0 }, { exact_match: 1, agreement: 1 }, {}],
  })
  t.strictSame(labels({ answer: '5', reference: '4', steps: [step({ answer: '4' })] }), {
    full: { exact_match: 0, agreement: 1 }, steps: [{ exact_match: 1, agreement: 0 }],
  })
})

t.test('rewards grade answers, by their differences too', async (t) => {
  const steps = [step({ answer: '4', reward: 0.25 }), step({ answer: '4' }), step({ answer: '5' }), step({})]
  let [ems, lost] = [0, 0]
  const n = 4_000
  for (let i = 0; i < n; i++) {
    const { full: { exact_match: em }, steps: graded } = gradeOutcome('salt', { ...REPORT, generation_id: `g${i}`, answer: '4', reward: 0.8, steps })
    const [stated, same, other, none] = graded!
    ems += em!
    lost += stated!.difference!
    assert.ok(stated!.may_differ, 'a reward may judge more than the answer')
    assert.deepEqual(same, { tokens: 10, confidence: 0.5, exact_match: em, difference: 0, agreement: 1 }, 'an answer that agrees has its reward')
    assert.ok([0.75, 0.875].includes(other!.difference!) && other!.exact_match === 0, 'and another answer has none')
    assert.deepEqual(none, { tokens: 10, confidence: 0.5 })
  }
  t.ok(Math.abs(ems / n - 0.8) < 0.035)
  t.ok(Math.abs(lost / n - 0.55) < 0.01)
  const stop = gradeOutcome('salt', { ...REPORT, stopped: true, reward: 1, stopped_probe: { tokens: 50, answer: '4', reward: 0 } })
  t.strictSame(stop.stopped_probe, { tokens: 50, exact_match: 0 })
})

t.test('a reward takes the place of em, and rewards of early answers need it', async (t) => {
  const problem = (report: Partial<ReportedOutcome>) => outcomeProblem({ ...REPORT, ...report })?.path
  t.equal(problem({ reward: 1, em: 1 }), '/reward')
  t.equal(problem({ reward: 1, reference: '4' }), '/reward')
  t.equal(problem({ reward: 1, steps: [step({ em: 1 })] }), '/reward')
  t.equal(problem({ em: 1, steps: [step({}), step({ reward: 1 })] }), '/steps/1/reward')
  t.equal(problem({ stopped: true, stopped_probe: { tokens: 5, reward: 1 } }), '/stopped_probe/reward')
  t.equal(problem({ reward: 0.5, steps: [step({ reward: 0 }), step({})] }), undefined)
})

t.test('em wins over answer and reference', async (t) => {
  t.equal(labels({ em: 1, answer: '5', reference: '4' }).full.exact_match, 1)
})

t.test('agreement takes the full answer as right, even a wrong or blank one', async (t) => {
  t.strictSame(labels({ answer: '1,024', steps: [step({ answer: '1024' }), step({ answer: '1023' })] }),
    { full: { agreement: 1 }, steps: [{ agreement: 1 }, { agreement: 0 }] }, 'with no reference there is no Exact Match')
})

t.test('an empty answer agrees with nothing', async (t) => {
  const steps = [step({ answer: 'x' }), step({ answer: ' ' })]
  for (const answer of ['', ' \n']) {
    t.strictSame(labels({ answer, steps }), { full: { agreement: 1 }, steps: [{ agreement: 0 }, { agreement: 0 }] })
  }
  t.strictSame(labels({ answer: 'x', steps }).steps, [{ agreement: 1 }, { agreement: 0 }])
  const { full, steps: graded } = labels({ answer: '', reference: '', steps })
  t.strictSame([full, graded], [{ exact_match: 1, agreement: 1 }, [{ exact_match: 0, agreement: 0 }, { exact_match: 1, agreement: 0 }]], 'a blank reference still grades')
})

t.test('an outcome without em, answer or reference has no label', async (t) => {
  t.strictSame(labels({ reference: '4', steps: [step({ answer: '4' })] }), { full: {}, steps: [{ exact_match: 1 }] })
  t.strictSame(labels({ steps: [step({ answer: '4' })] }), { full: {}, steps: [{}] }, 'a probe can not agree with nothing')
})

t.test('the draw is of the group, of the prompt or of the generation, and only a group has a second hash of its own', async (t) => {
  const drawn = (report: Partial<ReportedOutcome>) => {
    const { u, hash, by_prompt: byPrompt } = gradeOutcome('salt', { ...REPORT, ...report })
    return [u, hash, byPrompt]
  }
  t.strictSame(drawn({ prompt_hash: 'p' }), [uniform('salt', 'p'), secondHash('salt', 'g1'), true])
  t.strictSame(drawn({ prompt_hash: 'p', group_id: 'q' }), [uniform('salt', 'q'), secondHash('salt', 'q'), undefined])
})

t.test('an outcome whose answer is calls of tools says so', async (t) => {
  const isCall = (answer: string) => gradeOutcome('salt', { ...REPORT, answer }).is_call
  for (const answer of ['search {"q":"a"}', 'search {"q":"a"}\nread {"file":"b"}', '[{"name":"search","arguments":{"q":"a"}}]', '{"tool_calls": []}']) {
    t.equal(isCall(answer), true, answer)
  }
  for (const answer of ['42', 'The set {1, 2} is finite.', '{"q":"a"}', 'search {"q":"a"}\nThat is all.']) t.equal(isCall(answer), undefined, answer)
})

t.test('a control outcome with a reward says so', async (t) => {
  const isRewarded = (report: Partial<ReportedOutcome>) => gradeOutcome('salt', { ...REPORT, ...report }).is_rewarded
  t.equal(isRewarded({ arm: 'control', reward: 0 }), true)
  t.equal(isRewarded({ arm: 'treated', reward: 1 }), undefined)
  t.equal(isRewarded({ arm: 'control', em: 1 }), undefined)
})

t.test('an outcome is unmarked where nothing says whether its prompt has other samples', async (t) => {
  const unmarked = (report: Partial<ReportedOutcome>) => gradeOutcome('salt', { ...REPORT, ...report }).is_unmarked
  t.equal(unmarked({}), true)
  for (const mark of [{ group_id: 'q' }, { prompt_hash: 'p' }, { samples: 1 }]) t.equal(unmarked(mark), undefined, JSON.stringify(mark))
  t.equal(outcomeProblem({ ...REPORT, samples: 1 }), null)
  t.match(outcomeProblem({ ...REPORT, samples: 2 }), { path: '/samples' })
})

t.test('an outcome says whether it is a retry, which has an id of its own', async (t) => {
  t.equal(gradeOutcome('salt', { ...REPORT, retry_of: 'g0' }).is_retry, true)
  t.equal(gradeOutcome('salt', REPORT).is_retry, undefined)
  t.match(outcomeProblem({ ...REPORT, retry_of: REPORT.generation_id }), { path: '/retry_of' })
  t.equal(outcomeProblem({ ...REPORT, retry_of: 'g0' }), null)
})

t.test('a stopped outcome keeps at how many token counts its worker asked', async (t) => {
  const asked = (report: Partial<ReportedOutcome>) => gradeOutcome('salt', { ...REPORT, stopped: true, ...report }).steps_asked
  t.equal(asked({ steps_asked: 3, steps: [step({})] }), 3)
  t.equal(asked({ steps: [step({}), step({}), step({ tokens: 20 })] }), 2)
  t.equal(asked({}), undefined)
  t.equal(asked({ stopped: false, steps_asked: 3 }), undefined, 'of others it is not needed')
})

t.test('no text of an answer reaches the log', async (t) => {
  const logged = JSON.stringify(gradeOutcome('salt', {
    ...REPORT, answer: 'SECRET', reference: ['SECRET'], steps: [step({ answer: 'SECRET', signals: { entropy: 0.3 } })],
  }))
  t.notMatch(logged, 'SECRET')
  t.match(logged, 'entropy')
})

t.test('while a label may still arrive, answers keep their digests', async (t) => {
  const graded = (report: Partial<ReportedOutcome>) => gradeOutcome('salt', { ...REPORT, ...report })
  const steps = [step({ answer: '1,024' }), step({ em: 1, answer: '7' }), step({})]
  const late = graded({ answer: 'Paris', steps })
  t.equal(late.answer_digest, answerDigest('salt', 'paris'))
  t.strictSame(late.steps?.map(({ answer_digest: digest }) => digest), [answerDigest('salt', '1024'), undefined, undefined])
  t.notOk('answer_digest' in late.steps![1]! || 'answer_digest' in late.full, 'a step with em is graded')
  t.equal(graded({ steps }).answer_digest, undefined, 'no answer, no digest')
  t.equal(graded({ steps }).steps![0]!.answer_digest, answerDigest('salt', '1024'), 'a reference may still grade the probes')
  for (const labelled of [{ em: 1 as const }, { reference: 'Paris' }]) {
    const { answer_digest: digest, ...others } = graded({ answer: 'Paris', steps, ...labelled })
    t.equal(digest, answerDigest('salt', 'paris'), 'the final answer keeps it, to be compared with others')
    t.notMatch(JSON.stringify(others), 'digest')
  }
})

t.test('absent fields get their defaults', async (t) => {
  t.strictSame(gradeOutcome('salt', REPORT), {
    type: 'outcome',
    generation_id: 'g1',
    u: uniform('salt', 'g1'),
    hash: secondHash('salt', 'g1'),
    is_unmarked: true,
    arm: null,
    context: {},
    tokens: 100,
    answer_tokens: 0,
    stopped: false,
    sample_index: null,
    full: {},
    steps: null,
    steps_complete: true,
  })
  t.strictSame(gradeOutcome('salt', { ...REPORT, steps: [] }).steps, [], 'never asked is not the same as not kept')
})

t.test('given fields are kept', async (t) => {
  t.match(gradeOutcome('salt', {
    ...REPORT, arm: 'treated', context: { model: 'q' }, answer_tokens: 9, stopped: true, steps_complete: false, steps: [step({ signals: { x: 1 } })],
  }), {
    arm: 'treated', context: { model: 'q' }, answer_tokens: 9, stopped: true, steps_complete: false, steps: [{ tokens: 10, confidence: 0.5, signals: { x: 1 } }],
  })
})

t.test('the samples of a group and a cancelled client are kept', async (t) => {
  t.match(gradeOutcome('salt', { ...REPORT, group_id: 'p', samples: 8, sample_index: 3, cancelled: true }), { samples: 8, sample_index: 3, cancelled: true })
})

t.test('a group\'s generations share its draw, and a sample without an index is not the first', async (t) => {
  const grouped = gradeOutcome('salt', { ...REPORT, group_id: 'p1', sample_index: 3 })
  t.equal(grouped.u, uniform('salt', 'p1'))
  t.equal(grouped.sample_index, 3)
  t.equal(gradeOutcome('salt', { ...REPORT, group_id: 'p1' }).sample_index, -1)
  t.equal(gradeOutcome('salt', { ...REPORT, sample_index: 3 }).sample_index, null, 'an index without a group says nothing')
})

t.test('float32 overshoot is clamped, and an unknown confidence stays unknown', async (t) => {
  t.equal(clampConfidence(1.0000005), 1)
  t.equal(clampConfidence(-0.0000005), 0)
  t.equal(clampConfidence(0.25), 0.25)
  t.equal(clampConfidence(null), null)
  t.strictSame(gradeOutcome('salt', { ...REPORT, steps: [{ tokens: 1, confidence: 1.0000005 }, { tokens: 2, confidence: null }] }).steps,
    [{ tokens: 1, confidence: 1 }, { tokens: 2, confidence: null }])
})

t.test('a contradictory outcome is refused with a remedy', async (t) => {
  t.match(outcomeProblem({ ...REPORT, arm: 'control', stopped: true }), { path: '/stopped', message: 'never stopped' })
  t.match(outcomeProblem({ ...REPORT, steps: [step({ tokens: 20 }), step({ tokens: 10 })] }), { path: '/steps/1/tokens', message: 'order' })
  t.match(outcomeProblem({ ...REPORT, steps: [step({ tokens: 20 }), step({ tokens: 101 })] }), { path: '/steps/1/tokens', message: '100' })
  t.equal(outcomeProblem({ ...REPORT, steps: [step({ tokens: 20 }), step({ tokens: 20 }), step({ tokens: 100 })] }), null)
  t.equal(outcomeProblem(REPORT), null)
})

t.test('the samples of a group are numbered below their count', async (t) => {
  t.match(outcomeProblem({ ...REPORT, samples: 2 }), { path: '/samples', message: 'group_id' })
  t.match(outcomeProblem({ ...REPORT, group_id: 'p', samples: 2, sample_index: 2 }), { path: '/sample_index', message: 'below samples (2)' })
  t.equal(outcomeProblem({ ...REPORT, group_id: 'p', samples: 2, sample_index: 1 }), null)
})

t.test('the probe of a stop belongs to a stopped generation and is part of it', async (t) => {
  const stop = { ...REPORT, arm: 'treated', stopped: true, stopped_probe: { tokens: 80, em: 1 } } as const
  t.equal(outcomeProblem(stop), null)
  for (const probe of [undefined, { tokens: 80 }]) {
    t.match(outcomeProblem({ ...stop, stopped_probe: probe! }), { path: '/stopped_probe', message: 'is required where stopped is true' })
  }
  t.equal(outcomeProblem({ ...stop, stopped_probe: { tokens: 80, answer: '' } }), null)
  t.match(outcomeProblem({ ...stop, stopped: false }), { path: '/stopped_probe', message: 'stopped true' })
  t.match(outcomeProblem({ ...stop, stopped_probe: { tokens: 101, em: 1 } }), { path: '/stopped_probe/tokens', message: '(100)' })
})

t.test('the probe of a stop is graded like a step, and by whether it is the answer that was served', async (t) => {
  const probeOf = (outcome: Partial<ReportedOutcome>, answer: string) =>
    gradeOutcome('salt', { ...REPORT, em: undefined, stopped: true, ...outcome, stopped_probe: { tokens: 80, answer } }).stopped_probe
  t.same(probeOf({ answer: '42', reference: '42' }, '42.'), { tokens: 80, exact_match: 1, agreement: 1 })
  t.same(probeOf({ answer: '42', reference: '42' }, '41'), { tokens: 80, exact_match: 0, agreement: 0 })
  t.same(probeOf({ em: 1 }, '41'), { tokens: 80 }, 'an answer that nothing can grade')
  const late = probeOf({ answer: '42' }, '41')
  t.match(late, { tokens: 80, agreement: 0 })
  t.type(late?.answer_digest, 'string', 'a late label can grade it')
})

t.test('a stopped generation cannot have been cancelled', async (t) => {
  t.match(outcomeProblem({ ...REPORT, cancelled: true, stopped: true }), { path: '/cancelled' })
  t.equal(outcomeProblem({ ...REPORT, cancelled: true }), null)
})

const stepsAt = (...tokens: number[]): LoggedStep[] => tokens.map((at) => ({ tokens: at, confidence: 0.5 }))
const askedBy = ({ steps }: { readonly steps: readonly LoggedStep[] }) => steps.map(({ asked_tokens: asked }) => asked)

t.test('each step carries the sum of the costs stated so far', (t) => {
  const costs = withProbeCosts({ probe_tokens: 20, steps: [{ probe_tokens: 3 }, {}, { probe_tokens: 4 }] }, stepsAt(16, 32, 48))
  t.strictSame(askedBy(costs), [3, 3, 7])
  t.equal(costs.asked_tokens, 7, 'the rest of the total was spent by the control arm alone')
  t.end()
})

t.test('the total is spread evenly if no step states its cost', (t) => {
  t.strictSame(askedBy(withProbeCosts({ probe_tokens: 10 }, stepsAt(16, 32, 48))), [3, 7, 10])
  t.strictSame(askedBy(withProbeCosts({}, stepsAt(16, 32))), [undefined, undefined], 'nothing was reported')
  t.end()
})

t.test('the cumulative cost never falls, and ends at the cost of all steps', (t) => {
  const cost = fc.integer({ min: 0, max: 50 })
  const asked = fc.array(fc.record({ probe_tokens: cost }, { requiredKeys: [] }), { minLength: 1, maxLength: 20 })
  fc.assert(fc.property(asked, fc.option(cost), (steps, total) => {
    const reported = { steps, ...(total !== null && { probe_tokens: total }) }
    const { asked_tokens: all = 0, ...costs } = withProbeCosts(reported, stepsAt(...steps.map((_, i) => 16 * i)))
    const sums = askedBy(costs).map((asked) => asked ?? 0)
    if (sums.some((sum, i) => i > 0 && sum < sums[i - 1]!)) return false
    return sums.at(-1) === all && all === (probeTokensOfSteps(reported) ?? total ?? 0)
  }))
  t.end()
})

t.test('an outcome keeps its bill, and a total below that of its steps is refused', (t) => {
  const outcome = { generation_id: 'g', tokens: 100, steps: [{ tokens: 16, confidence: 0.4, probe_tokens: 5 }, { tokens: 32, confidence: 0.4, probe_tokens: 5 }] }
  t.match(gradeOutcome('', { ...outcome, probe_prefill_tokens: 64 }), { probe_tokens: 10, probe_prefill_tokens: 64, asked_tokens: 10 })
  t.match(outcomeProblem({ ...outcome, probe_tokens: 9 }), { path: '/probe_tokens', message: /at least 10/ })
  t.equal(outcomeProblem({ ...outcome, probe_tokens: 10 }), null)
  t.notHas(gradeOutcome('', { generation_id: 'g', tokens: 9 }), { probe_tokens: 0 }, 'nothing is written where nothing was spent')
  t.end()
})

t.test('an answer forced at the end of the reasoning is compared with the final one', async (t) => {
  const outcome = { generation_id: 'g', tokens: 10, answer: 'It is 42.' }
  t.equal(gradeOutcome('', { ...outcome, end_probe: { answer: 'it is 42' } }).end_probe, 1)
  t.equal(gradeOutcome('', { ...outcome, end_probe: { answer: '41' } }).end_probe, 0)
  t.equal(gradeOutcome('', { ...outcome, answer: '', end_probe: { answer: '' } }).end_probe, 0, 'an empty answer agrees with nothing')
  t.equal(gradeOutcome('', outcome).end_probe, undefined)
  t.match(outcomeProblem({ ...outcome, stopped: true, end_probe: { answer: '42' } }), { path: '/end_probe' })
})

t.test('a control outcome with fewer steps than its steps_asked is incomplete, and one that asked nowhere has none', async (t) => {
  const graded = (report: Partial<ReportedOutcome>) => {
    const { steps, steps_complete: isComplete } = gradeOutcome('salt', { ...REPORT, arm: 'control', ...report })
    return [steps?.length ?? null, isComplete]
  }
  t.same(graded({ steps: [step({})], steps_asked: 1 }), [1, true])
  t.same(graded({ steps: [step({}), step({})], steps_asked: 2 }), [2, false], 'two steps at the same tokens')
  t.same(graded({ steps: [step({})], steps_asked: 1, steps_complete: false }), [1, false])
  t.same(graded({ steps_asked: 2 }), [null, true], 'without steps they are missing anyway')
  t.same(graded({ steps_asked: 0 }), [0, true])
  t.same(graded({ arm: 'treated', steps: [step({})], steps_asked: 2 }), [1, true])
  t.same(graded({ arm: 'treated', steps_asked: 0 }), [null, true])
})
