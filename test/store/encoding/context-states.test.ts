import t from 'tap'
import { nothingTested, packTested } from '../../../src/core/certificate/tested-evidence.js'
import { noEvidence, type Evidence } from '../../../src/core/certificate/evidence.js'
import { addChecks, NO_CADENCES } from '../../../src/core/contexts/cadences.js'
import { openEpoch } from '../../../src/core/contexts/context-state.js'
import { addFinalAnswer, NO_GRADER } from '../../../src/core/contexts/grader.js'
import { judge, NO_JUDGEMENT } from '../../../src/core/contexts/judge.js'
import { addTreated, NO_SAVINGS } from '../../../src/core/contexts/savings.js'
import { addToHistory, advanceHistory, startHistory } from '../../../src/core/contexts/savings-history.js'
import { addToArm, NO_ARMS } from '../../../src/core/contexts/arms.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { encodeState, isUnreadable, readState, withoutEvidence, intern } from '../../../src/store/encoding/context-states.js'
import { state } from '../fixtures.js'

t.test('a state that was written is read, and a damaged one is recognised', async (t) => {
  t.same(readState(encodeState(state(3))), state(3))
  t.notOk(isUnreadable(readState(encodeState(state(3)))))
  const text = encodeState(state(3))
  for (const damaged of ['', '{', 'null', '{}', '[]', '7', '{"evidence":null}', text.slice(0, -1), text.slice(0, text.length >> 1), `${text}}`]) {
    t.ok(isUnreadable(readState(damaged)), damaged.slice(0, 20))
  }
})

t.test('counts of nothing are one shared object, and others are restored', async (t) => {
  const opened = openEpoch(undefined, 'reset', DEFAULT_POLICY, ['task'], { time: 0, name: '1-0' })
  const read = readState(encodeState(opened))
  t.equal(read.cadences, NO_CADENCES)
  t.equal(read.grader, NO_GRADER)
  t.notMatch(encodeState(opened), 'asked_squares')
  const answer = { generation_id: 'g', sample_index: null, answer_digest: 'x' }
  t.equal(read.arms, NO_ARMS)
  const counted = {
    ...opened,
    arms: addToArm(NO_ARMS, 'control', { generation_id: 'g', sample_index: null, tokens: 9, full: { exact_match: 1 } }, 'exact_match', 0.2),
    cadences: addChecks(NO_CADENCES, 'control', 3, 2),
    grader: addFinalAnswer(NO_GRADER, answer),
  }
  t.same(readState(encodeState(counted)), counted)
})

t.test('a history with hours and days that are over is read', async (t) => {
  const DAY = 24 * 3_600_000
  const opened = openEpoch(undefined, 'reset', DEFAULT_POLICY, ['task'], { time: 0, name: '1-0' })
  const savings_history = advanceHistory(addToHistory(startHistory(opened, 0), 64), opened, DAY)
  t.same([savings_history.hours.length, savings_history.days.length], [1, 1])
  t.same(readState(encodeState({ ...opened, savings_history })), { ...opened, savings_history })
})

t.test('a state without one of its fields is unreadable', async (t) => {
  const whole = JSON.parse(encodeState(state(3)))
  for (const name of Object.keys(whole)) {
    const { [name]: _, ...rest } = whole
    t.ok(isUnreadable(readState(JSON.stringify(rest))), name)
  }
  for (const part of ['requested', 'looks', 'meaning', 'follow_up', 'open', 'tested', 'newest']) {
    for (const name of Object.keys(whole[part])) {
      const { [name]: _, ...rest } = whole[part]
      t.ok(isUnreadable(readState(JSON.stringify({ ...whole, [part]: rest }))), `${part} without ${name}`)
    }
  }
  t.ok(isUnreadable(readState('{"evidence":null,"requested":{}}')))
  const damaged = [
    { meaning: null }, { judged_by: null }, { fed_by: null }, { checkpoint: 'r' }, { threshold: [] }, { guarantee: {} }, { drift: [] },
    { arms: { ...whole.arms, control: null } }, { log_evidence: { best: 1 } }, { open: { evidence: { generations: 1 }, unaccounted: 0 } },
  ]
  for (const change of damaged) t.ok(isUnreadable(readState(JSON.stringify({ ...whole, ...change }))), JSON.stringify(change))
  t.ok(isUnreadable(readState(JSON.stringify({ ...whole, evidence: { ...whole.evidence, generations: 2, lost: [1] } }))))
})

t.test('evidence that does not fit the grid of the score, or a threshold outside it, makes a state unreadable', async (t) => {
  const counted = (thresholds: number) => ({ ...noEvidence(thresholds), generations: 1 })
  const testedFor = (thresholds: number) => packTested(nothingTested(thresholds, { clock: 0, time: 0 }))
  const whole = JSON.parse(encodeState(state(3)))
  const meaning = { ...whole.meaning, score: 'p', score_fingerprint: 'abc' }
  const scored = { ...whole, meaning, evidence: null, open: { evidence: null, unaccounted: 0 } }
  const isRead = (change: object) => !isUnreadable(readState(JSON.stringify({ ...scored, ...change })))
  const grid = (thresholds: number) => ({ thresholds, tested: testedFor(thresholds) })
  for (const thresholds of [2, 20, 30]) t.ok(isRead({ ...grid(thresholds), evidence: counted(thresholds) }), `${thresholds} thresholds`)
  for (const thresholds of [1, 31]) t.notOk(isRead({ ...grid(thresholds), evidence: counted(thresholds) }), `${thresholds} thresholds`)
  t.ok(isRead(grid(0)), 'its predictor is gone')
  t.notOk(isRead({ ...grid(20), meaning: whole.meaning, evidence: counted(20) }), 'the raw confidence has 30')
  t.notOk(isRead({ ...grid(20), evidence: counted(30) }))
  t.notOk(isRead({ ...grid(20), open: { evidence: counted(30), unaccounted: 0 } }))
  for (const list of ['lost', 'gained', 'unprobed', 'tokens'] as const satisfies ReadonlyArray<keyof Evidence>) {
    for (const odd of [counted(20)[list].slice(1), [...counted(20)[list], 0], counted(20)[list].with(3, null as never), 'x'.repeat(20), null]) {
      t.notOk(isRead({ ...grid(20), evidence: { ...counted(20), [list]: odd } }), list)
    }
  }
  const { tested } = grid(20)
  const withTested = (change: object) => isRead({ ...grid(20), tested: { ...tested, ...change } })
  const zeros = new Array<number>(20).fill(0)
  t.ok(withTested({}) && withTested({ final: { ...tested.final, lost: zeros } }))
  for (const odd of [zeros.slice(1), 'x', null]) {
    for (const list of ['lost', 'gained']) {
      const sums = { ...tested.final, [list]: odd }
      t.notOk(withTested({ final: sums }) || withTested({ open: { sums, unaccounted: 0 } }), list)
    }
    t.notOk(withTested({ final: { ...tested.final, partial: { 3: odd } } }))
  }
  const inForce = (threshold_index: unknown) => isRead({ ...grid(20), evidence: counted(20), threshold_index })
  t.ok(inForce(-1) && inForce(19))
  for (const index of [-2, -0.5, 0.3, 14.125, 20]) t.notOk(inForce(index), String(index))
})

t.test('an unreadable state certifies nothing', async (t) => {
  for (const levels of [['model', 'task'], []]) {
    const damaged = readState('{')
    t.equal(judge(damaged, DEFAULT_POLICY, levels, new Map()), NO_JUDGEMENT)
  }
})

t.test('a state without its evidence keeps what outlasts an epoch, certifies nothing and takes no enrolment', async (t) => {
  const kept = {
    epoch: 7,
    looks: { count: 2, at: 5 },
    savings: addTreated(NO_SAVINGS, 5),
    stops: { probed: 3, other: 2, unknown: 1 },
    breaches: 1,
    hold: { breaches: 1, until: 9, is_over: false },
  }
  const blank = withoutEvidence({ ...state(3), ...kept, threshold_index: 3, threshold: 0.9 })
  t.match(blank, { ...kept, threshold_index: -1, threshold: null, generations: 0, epoch_name: '' })
  t.notOk(isUnreadable(blank))
  t.equal(judge(blank, DEFAULT_POLICY, ['model', 'task'], new Map()), NO_JUDGEMENT)
})

t.test('equal values become one frozen object', async (t) => {
  const first = intern({ a: 1, b: 'x' })
  t.strictSame(first, { a: 1, b: 'x' })
  t.equal(intern({ a: 1, b: 'x' }), first)
  t.not(intern({ a: 1, b: 'y' }), first)
  t.ok(Object.isFrozen(first))
  t.equal(intern(undefined), undefined)
})

t.test('the table of known values is bounded', async (t) => {
  const first = intern({ n: 0 })
  const wrong = Array.from({ length: 5000 }, (_, n) => n).filter((n) => n > 0 && intern({ n }).n !== n)
  t.same(wrong, [])
  t.not(intern({ n: 0 }), first, 'the first is long forgotten')
})
