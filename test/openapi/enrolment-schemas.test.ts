import t from 'tap'
import { EnrolledCountSchema, EnrolmentsSchema } from '../../openapi/enrolment-schemas.js'
import { itemValidator } from '../../openapi/validation.js'

t.test('the examples fit their schemas', async (t) => {
  for (const schema of [EnrolmentsSchema, EnrolledCountSchema]) {
    for (const example of (schema as { examples?: unknown[] }).examples!) t.equal(itemValidator(schema)(example), null)
  }
})
