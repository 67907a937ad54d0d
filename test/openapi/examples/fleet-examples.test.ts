import t from 'tap'
import { FLEET_EXAMPLE, FLEET_PAGE_EXAMPLE } from '../../../openapi/examples/fleet-examples.js'
import { FleetPageSchema, FleetSchema } from '../../../openapi/fleet-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'

t.test('the examples are valid and add up', async (t) => {
  t.equal(itemValidator(FleetSchema)(FLEET_EXAMPLE), null)
  t.equal(itemValidator(FleetPageSchema)(FLEET_PAGE_EXAMPLE), null)
  const { tokens_saved: net, tokens_saved_gross: gross, probe_tokens: probes, by_status: statuses, contexts } = FLEET_EXAMPLE
  t.equal(gross - probes, net)
  t.equal(statuses.certified + statuses.learning + statuses.drifted, contexts)
})
