import t from 'tap'
import { FleetPageSchema, FleetSchema } from '../../openapi/fleet-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { certify } from '../certify.js'
import { build } from '../helper.js'

t.test('replies match their schemas without losing a field', async (t) => {
  const built = await build(t)
  await certify(built)
  const sums = (await built.send('GET', '/v1/fleet')).body
  t.equal(itemValidator(FleetSchema)(sums), null)
  t.strictSame(Object.keys(sums), Object.keys(FleetSchema.properties))
  const page = (await built.send('GET', '/v1/fleet/contexts?sums=true')).body
  t.equal(itemValidator(FleetPageSchema)(page), null)
  t.strictSame(Object.keys(page.contexts[0]).sort(), Object.keys(FleetPageSchema.properties.contexts.items.properties).sort())
})
