import t from 'tap'
import { TRADEOFF_EXAMPLE, WHAT_IF_EXAMPLE } from '../../../openapi/examples/tradeoff-examples.js'
import { TradeoffSchema } from '../../../openapi/tradeoff-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { WhatIfSchema } from '../../../openapi/what-if-schemas.js'

t.test('the examples match their schemas', async (t) => {
  t.equal(itemValidator(TradeoffSchema)(TRADEOFF_EXAMPLE), null)
  t.equal(itemValidator(WhatIfSchema)(WHAT_IF_EXAMPLE), null)
})
