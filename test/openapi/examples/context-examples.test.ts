import t from 'tap'
import {
  CONTEXT_DETAIL_EXAMPLE, CONTEXT_PAGE_EXAMPLE, FLEET_EXAMPLE, FLEET_PAGE_EXAMPLE, POLICY_DRY_RUN_EXAMPLE, POLICY_REPLY_EXAMPLE,
} from '../../../openapi/examples/context-examples.js'
import { FleetPageSchema, FleetSchema } from '../../../openapi/fleet-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'

t.test('the page, the detail and the policy show the same context', async (t) => {
  const { thresholds: [row], members: _, label_advice: __, ...context } = CONTEXT_DETAIL_EXAMPLE
  t.strictSame(CONTEXT_PAGE_EXAMPLE.contexts, [context])
  t.match(row, { threshold: context.threshold, em_drop: context.em.drop, tokens_saved_ratio: context.tokens.saved_ratio, certified: true })
  t.equal(row!.lost + row!.kept + row!.gained, context.generations.control - context.follow_up.missing, 'of what is accounted for')
  t.match(POLICY_DRY_RUN_EXAMPLE, { key: context.key, contexts: [{ before: context.threshold }], effective: POLICY_DRY_RUN_EXAMPLE.policy })
  t.match(POLICY_REPLY_EXAMPLE, { effective: POLICY_REPLY_EXAMPLE.policy })
})

t.test('the examples are valid and add up', async (t) => {
  t.equal(itemValidator(FleetSchema)(FLEET_EXAMPLE), null)
  t.equal(itemValidator(FleetPageSchema)(FLEET_PAGE_EXAMPLE), null)
  const { tokens_saved: net, tokens_saved_gross: gross, probe_tokens: probes, by_status: statuses, contexts } = FLEET_EXAMPLE
  t.equal(gross - probes, net)
  t.equal(statuses.certified + statuses.learning + statuses.drifted, contexts)
})
