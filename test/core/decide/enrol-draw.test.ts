import t from 'tap'
import { secondHash, uniform } from '../../../src/core/assignment/arm.js'
import { enrolDraw } from '../../../src/core/decide/enrol-draw.js'
import { ruleFor } from '../../../src/core/decide/snapshot.js'
import type { DrawnIn } from '../../../src/core/enrolment/draw-buffer.js'
import { snapshotOf } from './snapshot-of.js'

const CONTEXT = { model: 'q', task: 'x' }
const IDS = Array.from({ length: 400 }, (_, i) => `g${i}`)

t.test('as many treated draws are enrolled as control ones, thinned by label_rate', async (t) => {
  const enrolled: number[] = []
  const sink = { enrol: (_: DrawnIn, u: number) => { enrolled.push(u) } }
  const snapshot = snapshotOf({ 'model=q,task=x': { index: 3, learnedControlShare: 0.2, policy: { label_rate: 0.5 } } })
  const rule = ruleFor(snapshot, CONTEXT)
  for (const id of IDS) enrolDraw(sink, snapshot, rule, { u: uniform('salt', id), id, tokens: 1, context: CONTEXT })
  const expected = IDS.filter((id) => uniform('salt', id) < 0.4 && secondHash('salt', id) < 0.5)
  t.ok(expected.length > 40)
  t.strictSame(enrolled, expected.map((id) => uniform('salt', id)))
})
