import t from 'tap'
import { GENERATION_EXAMPLE } from '../../../openapi/examples/generation-examples.js'
import { GenerationSchema } from '../../../openapi/generation-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'

t.test('the example matches its schema, and its scores explain its decisions', async (t) => {
  t.equal(itemValidator(GenerationSchema)(GENERATION_EXAMPLE), null)
  for (const { score, threshold, would_stop: would } of GENERATION_EXAMPLE.steps) t.equal(would, score >= threshold)
})
