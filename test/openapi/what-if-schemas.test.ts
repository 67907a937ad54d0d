import t from 'tap'
import { itemValidator } from '../../openapi/validation.js'
import { WhatIfQuerySchema, WhatIfSchema } from '../../openapi/what-if-schemas.js'
import { certify, KEY } from '../certify.js'
import { build } from '../helper.js'

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
