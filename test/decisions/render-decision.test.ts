import fc from 'fast-check'
import t from 'tap'
import { decide, type Freshness } from '../../src/core/decide/decide.js'
import { stepAt } from '../../src/core/decide/decide-columns.js'
import { renderDecision } from '../../src/decisions/render-decision.js'
import { columnsWith, snapshots } from '../core/decide/random-columns.js'
import { snapshotOf } from '../core/decide/snapshot-of.js'
import { holds } from '../property.js'

t.test('the text equals that of JSON.stringify', async (t) => {
  holds(t, fc.property(snapshots, fc.constantFrom<Freshness>('fresh', 'stale'), columnsWith(null, 4), (snapshot, freshness, columns) =>
    columns.context.every((_, row) => {
      const decision = decide(snapshot, freshness, stepAt(columns, row))
      return renderDecision(decision) === JSON.stringify(decision)
    })), 500)
  const decision = decide(snapshotOf({}), 'fresh', { tokens: 1, confidence: -0, context: { model: 'a"\\\n' } })
  t.equal(renderDecision(decision), JSON.stringify(decision))
})
