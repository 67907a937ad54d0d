import t from 'tap'
import { TradeoffSchema, WhatIfQuerySchema, WhatIfSchema } from '../../openapi/tradeoff-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { GRID } from '../../src/core/decide/grid.js'
import { NO_EVIDENCE } from '../core/stats/no-evidence.js'
import { newSpan } from '../../src/core/evidence/evidence-span.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { describeTradeoff } from '../../src/core/reports/tradeoff.js'
import { certify, KEY } from '../certify.js'
import { stairs } from '../core/reports/stairs.js'
import { build } from '../helper.js'

t.test('the core\'s view matches its schema, with and without evidence', async (t) => {
  const problem = itemValidator(TradeoffSchema)
  for (const evidence of [stairs([0, 10, 40]), NO_EVIDENCE]) {
    const gathered = { evidence, accounted: evidence, unaccounted: 0, span: newSpan(GRID.length, 0) }
    const family = { score: 'confidence', ...gathered, certified: -1, grid: GRID, bar: Math.log(20), index: -1, suspicion: 1 }
    const view = describeTradeoff(family, DEFAULT_POLICY, { now: 0, since: 0, perSecond: null, spanEnds: null })
    t.equal(problem({ key: '*', moves: [], ...view }), null)
  }
  t.match(problem({ key: '*' }), { path: String })
})

t.test('a field that the evidence cannot answer for is refused with its reason', async (t) => {
  const problem = itemValidator(WhatIfQuerySchema)
  t.equal(problem({ max_em_drop: 0.03 }), null)
  t.match(problem({ label: 'agreement' }), { path: '/label', message: /cannot be set here: / })
})

t.test('a reply matches its schema', async (t) => {
  const built = await build(t)
  await certify(built)
  const { body } = await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}/what-if?max_em_drop=0.03`)
  t.equal(itemValidator(WhatIfSchema)(body), null)
})
