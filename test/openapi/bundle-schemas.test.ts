import t from 'tap'
import { BundleSchema, EnrolledCountSchema, EnrolmentsSchema } from '../../openapi/bundle-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { certify } from '../certify.js'
import { build } from '../helper.js'

t.test('replies match their schema', async (t) => {
  const built = await build(t)
  await certify(built)
  t.equal(itemValidator(BundleSchema)((await built.send('GET', '/v1/bundle')).body), null)
})

t.test('the examples fit their schemas', async (t) => {
  for (const schema of [EnrolmentsSchema, EnrolledCountSchema]) {
    for (const example of (schema as { examples?: unknown[] }).examples!) t.equal(itemValidator(schema)(example), null)
  }
})
