import t from 'tap'
import { noDifferences } from '../../../src/core/stats/difference-sums.js'
import { noEvidence, type Evidence } from '../../../src/core/stats/evidence.js'
import { addChecks, NO_CADENCES } from '../../../src/core/guards/cadences.js'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { addFinalAnswer, NO_GRADER } from '../../../src/core/evidence/grader.js'
import { judge, NO_JUDGEMENT } from '../../../src/core/learn/judge.js'
import { addTreated, NO_SAVINGS } from '../../../src/core/stats/savings.js'
import { countControl, sumsOn } from '../../../src/core/stats/savings-sums.js'
import { addToHistory, advanceHistory, startHistory } from '../../../src/core/stats/savings-history.js'
import { addToArm, NO_ARMS } from '../../../src/core/guards/arms.js'
import { newSpan, packSpan } from '../../../src/core/evidence/evidence-span.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { encodeState, isUnreadable, readState, withoutEvidence, intern } from '../../../src/store/encoding/context-states.js'
import { state } from '../fixtures.js'
import { changed } from '../../changed-state.js'

t.test('a state that was written is read, and a damaged one is recognised', async (t) => {
  t.same(readState(encodeState(state(3))), state(3))
  t.notOk(isUnreadable(readState(encodeState(state(3)))))
  const text = encodeState(state(3))
  for (const damaged of ['', '{', 'null', '{}', '[]', '7', '{"evidence":null}', text.slice(0, -1), text.slice(0, text.length >> 1), `${text}}`]) {
    t.ok(isUnreadable(readState(damaged)), damaged.slice(0, 20))
  }
})

t.test('counts of nothing are one shared object, and others are restored', async (t) => {
  const opened = openEpoch(undefined, { cause: 'reset', policy: DEFAULT_POLICY, levels: ['task'], time: 0, name: '1-0' })
  const read = readState(encodeState(opened))
  t.equal(read.guards.cadences, NO_CADENCES)
  t.equal(read.reports.grader, NO_GRADER)
  t.notMatch(encodeState(opened), 'asked_squares')
  const answer = { generation_id: 'g', sample_index: null, answer_digest: 'x' }
  t.equal(read.guards.arms, NO_ARMS)
  const counted = changed(opened, { guards: { arms: addToArm(NO_ARMS, 'control', { generation_id: 'g', sample_index: null, tokens: 9, full: { exact_match: 1 } }, 'exact_match', 0.2), cadences: addChecks(NO_CADENCES, 'control', 3, 2) }, reports: { grader: addFinalAnswer(NO_GRADER, answer) } })
  t.same(readState(encodeState(counted)), counted)
})

t.test('the savings of ended hours and of the day are read', async (t) => {
  const DAY = 24 * 3_600_000
  const opened = openEpoch(undefined, { cause: 'reset', policy: DEFAULT_POLICY, levels: ['task'], time: 0, name: '1-0' })
  const history = advanceHistory(addToHistory(startHistory(opened.savings, 0), 64), opened.savings, DAY)
  t.equal(history.hours.length, 1)
  const today = countControl(sumsOn(7, null), { tokens: 5, loss: 0.125, share: 0.3, enrolled: 1 })
  const state = changed(opened, { savings: { history, today } })
  t.same(readState(encodeState(state)), state)
})

t.test('a state without one of its fields is unreadable', async (t) => {
  const whole = JSON.parse(encodeState(state(3)))
  for (const slice of Object.keys(whole)) {
    const { [slice]: _, ...rest } = whole
    t.ok(isUnreadable(readState(JSON.stringify(rest))), slice)
    for (const name of Object.keys(whole[slice])) {
      const { [name]: _, ...others } = whole[slice]
      t.ok(isUnreadable(readState(JSON.stringify({ ...whole, [slice]: others }))), `${slice} without ${name}`)
    }
  }
  for (const [slice, part] of [['epoch', 'requested'], ['epoch', 'looks'], ['epoch', 'meaning'], ['reports', 'follow_up'], ['evidence', 'open'], ['evidence', 'span'], ['evidence', 'newest']] as const) {
    for (const name of Object.keys(whole[slice][part])) {
      const { [name]: _, ...rest } = whole[slice][part]
      t.ok(isUnreadable(readState(JSON.stringify({ ...whole, [slice]: { ...whole[slice], [part]: rest } }))), `${part} without ${name}`)
    }
  }
  const damaged: Array<Record<string, object>> = [
    { epoch: { meaning: null } }, { rule: { judged_by: null } }, { reports: { fed_by: null } }, { rule: { threshold: [] } },
    { rule: { guarantee: {} } }, { guards: { drift: [] } }, { guards: { arms: { control: null } } },
    { evidence: { log_evidence: { best: 1 } } },
    { evidence: { open: { evidence: { generations: 1 }, unaccounted: 0 } } },
    { evidence: { final: { ...whole.evidence.final, generations: 2, lost: [1] } } },
  ]
  for (const change of damaged) t.notOk(isRead(whole, change), JSON.stringify(change))
  t.notOk(isRead(whole, { checkpoint: 'r' }))
})

/** Whether a stored state can be read with some fields of its slices changed. */
function isRead (stored: Record<string, object>, changes: Record<string, object | string>): boolean {
  const slices = Object.entries(changes).map(([slice, fields]) => [slice, typeof fields === 'string' ? fields : { ...stored[slice], ...fields }])
  return !isUnreadable(readState(JSON.stringify({ ...stored, ...Object.fromEntries(slices) })))
}

t.test('evidence that does not fit the grid of the score, or a threshold outside it, makes a state unreadable', async (t) => {
  const counted = (thresholds: number) => ({ ...noEvidence(thresholds), generations: 1 })
  const whole = JSON.parse(encodeState(state(3)))
  const meaning = { ...whole.epoch.meaning, score: 'p', score_fingerprint: 'abc' }
  const open = { evidence: null, unaccounted: 0 }
  const isScored = (evidence: object, more: Record<string, object> = {}) =>
    isRead(whole, { epoch: { meaning }, evidence: { final: null, open, ...evidence }, ...more })
  const grid = (thresholds: number) => ({ thresholds, span: packSpan(newSpan(thresholds, 0)) })
  for (const thresholds of [2, 20, 30]) t.ok(isScored({ ...grid(thresholds), final: counted(thresholds) }), `${thresholds} thresholds`)
  for (const thresholds of [1, 31]) t.notOk(isScored({ ...grid(thresholds), final: counted(thresholds) }), `${thresholds} thresholds`)
  t.ok(isScored(grid(0)), 'its predictor is gone')
  t.notOk(isScored({ ...grid(20), final: counted(20) }, { epoch: {} }), 'the raw confidence has 30')
  t.notOk(isScored({ ...grid(20), final: counted(30) }))
  t.notOk(isScored({ ...grid(20), open: { evidence: counted(30), unaccounted: 0 } }))
  for (const list of ['lost', 'gained', 'unprobed', 'tokens'] as const satisfies ReadonlyArray<keyof Evidence>) {
    for (const odd of [counted(20)[list].slice(1), [...counted(20)[list], 0], counted(20)[list].with(3, null as never), 'x'.repeat(20), null]) {
      t.notOk(isScored({ ...grid(20), final: { ...counted(20), [list]: odd } }), list)
    }
  }
  const isSpanRead = (change: object) => isScored({ ...grid(20), span: { ...newSpan(20, 0), ...change } })
  const isRunRead = (differences: object) => isSpanRead({ recent: [{ begins: 0, ends: 1, differences }] })
  const none = noDifferences(20)
  t.ok(isSpanRead({}) && isSpanRead({ known: null }) && isRunRead(none) && isRunRead({ ...none, lost: [] }))
  for (const odd of [none.lost.slice(1), 'x', null]) {
    for (const sums of [{ ...none, lost: odd }, { ...none, gained: odd }, { ...none, partial: { 3: odd } }]) {
      t.notOk(isSpanRead({ known: sums }) || isRunRead(sums), JSON.stringify(sums))
    }
  }
  const inForce = (index: unknown) => isScored({ ...grid(20), final: counted(20) }, { rule: { index } })
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
    epoch: { number: 7, looks: { count: 2, at: 5, level: 0.1, uncertified: 7 } },
    savings: { sums: addTreated(NO_SAVINGS, 5) },
    guards: { stops: { probed: 3, other: 2, unprobed: 0, refused: 1 }, breaches: 1, hold: { breaches: 1, until: 9, is_over: false } },
  }
  const blank = withoutEvidence(changed(state(3), { ...kept, rule: { index: 3, threshold: 0.9 } }))
  t.match(blank, { ...kept, rule: { index: -1, threshold: null }, reports: { generations: 0 } })
  t.equal(blank.epoch.name, '')
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
