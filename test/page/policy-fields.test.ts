import t from 'tap'
import { PolicySchema } from '../../openapi/policy-schemas.js'
import { mergePatch, POLICY_FIELDS } from '../../src/page/policy-fields.js'

t.test('every field of a policy can be changed, with every value that it takes', async (t) => {
  t.same(POLICY_FIELDS.map(({ name }) => name).sort(), Object.keys(PolicySchema.properties).sort())
  for (const { name, values } of POLICY_FIELDS) {
    const { enum: known } = PolicySchema.properties[name] as { enum?: string[] }
    if (known !== undefined) t.same(values, known, name)
  }
})

t.test('texts become a merge patch: numbers, words, and null for inherited fields', async (t) => {
  t.same(mergePatch({ max_em_drop: ' 3 ', control_rate: 'auto', certify_at: '', store_prompts: 'false' }), {
    max_em_drop: 0.03, control_rate: 'auto', certify_at: null, store_prompts: false,
  })
})
