import t from 'tap'
import { inForce, standingOf } from '../../src/core/in-force.js'
import { judge, NO_JUDGEMENT } from '../../src/core/judge.js'
import { DEFAULT_POLICY } from '../../src/core/policy.js'
import { encodeState } from '../../src/store/encoding.js'
import { isUnreadable, readState } from '../../src/store/unreadable-state.js'
import { state } from './fixtures.js'

t.test('a state that was written is read, a damaged one is told apart', async (t) => {
  t.same(readState(encodeState(state(3))), state(3))
  t.notOk(isUnreadable(readState(encodeState(state(3)))))
  const text = encodeState(state(3))
  for (const damaged of ['', '{', 'null', '{}', '[]', '7', '{"halves":[]}', text.slice(0, -1), text.slice(0, text.length >> 1), `${text}}`]) {
    t.ok(isUnreadable(readState(damaged)), damaged.slice(0, 20))
  }
})

t.test('one that is JSON, but not whole, too; and none of before there were predictors', async (t) => {
  const whole = JSON.parse(encodeState(state(3)))
  const old = ['trials', 'challengers', 'serving', 'threshold']
  for (const name of Object.keys(whole)) {
    const { [name]: _, ...rest } = whole
    t.equal(isUnreadable(readState(JSON.stringify(rest))), !old.includes(name), name)
  }
  for (const part of ['wish', 'arms']) {
    for (const name of Object.keys(whole[part]).filter((name) => name !== 'predictor')) {
      const { [name]: _, ...rest } = whole[part]
      t.ok(isUnreadable(readState(JSON.stringify({ ...whole, [part]: rest }))), `${part} without ${name}`)
    }
  }
  t.ok(isUnreadable(readState('{"halves":[],"wish":{}}')))
  const trial = { predictor: 'p', ordinal: 1, since: 0, trained_on: 0, wish: { max_em_drop: 0.02, error_level: 0.05 }, halves: [null, null] }
  const withTrial = (change: object) => readState(JSON.stringify({ ...whole, trials: [{ ...trial, ...change }] }))
  t.notOk(isUnreadable(withTrial({})))
  t.ok(isUnreadable(withTrial({ wish: null })))
  const damaged = [
    { meaning: null }, { judged_by: null }, { fed_by: null }, { checkpoint: 'r' }, { threshold: [] }, { guarantee: {} }, { drift: [] },
    { arms: { ...whole.arms, control: null } },
  ]
  for (const change of damaged) t.ok(isUnreadable(readState(JSON.stringify({ ...whole, ...change }))), JSON.stringify(change))
  t.ok(isUnreadable(readState(JSON.stringify({ ...whole, halves: [whole.halves[0], { ...whole.halves[1], generations: 2, lost: [1] }] }))))
})

t.test('a damaged one certifies nothing and falls back on nobody', async (t) => {
  const policy = { ...DEFAULT_POLICY, fallback: 'parent' as const }
  for (const levels of [['model', 'task'], []]) {
    const damaged = readState('{')
    const root = standingOf('*', policy, { threshold: 0.5, reason: '', by: '', expires_at: null }, undefined, NO_JUDGEMENT)
    const leaf = standingOf('model=q,task=-', policy, undefined, damaged, judge(damaged, policy, levels, new Map()))
    t.match(inForce([root, leaf]), { threshold: null, scope: 'none' })
  }
})
