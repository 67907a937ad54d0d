import t from 'tap'
import { EXCHANGED, MODELS } from '../../../src/cli/demo/demo-world.js'
import { truthOf } from '../../../src/cli/simulate/truth.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'

t.test('a threshold that is safe for the first model is not after the exchange, and a stricter one is', async (t) => {
  t.same(EXCHANGED.context, MODELS[0]!.context)
  const [before, after] = [MODELS[0]!, EXCHANGED].map((profile) => truthOf(profile, 4000, seededRandom(1)))
  const safe = before!.findLast(({ em_drop: drop }) => drop < 0.02)!
  t.ok(safe.tokens_saved_ratio > 0.4)
  t.ok(after!.find(({ threshold }) => threshold === safe.threshold)!.em_drop > 0.1)
  t.ok(after!.some(({ em_drop: drop, tokens_saved_ratio: saved }) => drop < 0.01 && saved > 0.3))
})
