import fc from 'fast-check'
import t from 'tap'
import { stepAt } from '../../../src/core/decide/decide-columns.js'
import { decide, type Freshness } from '../../../src/core/decide/decide.js'
import type { ColumnsAnswer } from '../../../src/service/decisions/answer-columns.js'
import { renderColumns, renderDecision } from '../../../src/service/decisions/render.js'
import { columnsWith, snapshots } from '../../core/decide/random-columns.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'
import { holds } from '../../property.js'

t.test('the text equals that of JSON.stringify', async (t) => {
  const nothing: ColumnsAnswer = {
    snapshot_version: 0,
    stale: false,
    stop: [],
    control: [],
    would_stop: [],
    probe: [],
    first_step_late: [],
    asked_early: [],
    errors: [],
    contexts: [],
  }
  const all: ColumnsAnswer = {
    snapshot_version: 7,
    stale: true,
    stop: [0],
    control: [1, 2],
    would_stop: [0, 1, 4095],
    probe: [2],
    first_step_late: [3],
    asked_early: [0, 2],
    errors: [{ index: 5, path: '/tokens/5', message: 'must be "whole"\n' }, { index: 6, path: '/contexts/1', message: 'é' }],
    contexts: [
      { threshold: 0.935, mode: 'enforce', check_every_tokens: 32, check_growth: 0, min_tokens: 0, control_share: 0.02, warnings: [] },
      null,
      { threshold: null, mode: 'shadow', check_every_tokens: 1, check_growth: 0, min_tokens: 100, control_share: 1, warnings: ['outcomes_missing', 'outcomes_not_enrolled'] },
    ],
  }
  for (const answer of [nothing, all]) t.equal(renderColumns(answer), JSON.stringify(answer))
})

t.test('the text equals that of JSON.stringify', async (t) => {
  holds(t, fc.property(snapshots, fc.constantFrom<Freshness>('fresh', 'stale'), columnsWith(null, 4), (snapshot, freshness, columns) =>
    columns.context.every((_, row) => {
      const decision = decide(snapshot, freshness, stepAt(columns, row))
      return renderDecision(decision) === JSON.stringify(decision)
    })), 500)
  const decision = decide(snapshotOf({}), 'fresh', { tokens: 1, confidence: -0, context: { model: 'a"\\\n' } })
  t.equal(renderDecision(decision), JSON.stringify(decision))
})
