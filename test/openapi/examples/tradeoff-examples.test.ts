import t from 'tap'
import { TRADEOFF_EXAMPLE, WHAT_IF_EXAMPLE } from '../../../openapi/examples/tradeoff-examples.js'
import { TradeoffSchema, WhatIfSchema } from '../../../openapi/tradeoff-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'

t.test('the examples match their schemas', async (t) => {
  t.equal(itemValidator(TradeoffSchema)(TRADEOFF_EXAMPLE), null)
  t.equal(itemValidator(WhatIfSchema)(WHAT_IF_EXAMPLE), null)
})
