import t from 'tap'
import { LotterySchema } from '../../openapi/lottery-schema.js'
import { itemValidator } from '../../openapi/validation.js'

t.test('a lottery has a threshold and a share', async (t) => {
  const problem = itemValidator(LotterySchema)
  t.equal(problem({ threshold: 0.91, share: 0.75 }), null)
  t.ok(problem({ threshold: 0.91 }))
})
