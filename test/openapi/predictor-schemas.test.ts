import t from 'tap'
import { PredictorDetailSchema, PredictorRequestSchema } from '../../openapi/predictor-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { PREDICTOR } from '../core/decide/snapshot-of.js'

const problem = itemValidator(PredictorRequestSchema)

t.test('a definition that the service shows can be imported', async (t) => {
  t.equal(problem(PREDICTOR), null)
  t.equal(problem((PredictorRequestSchema as { examples?: unknown[] }).examples![0]), null)
  t.same(Object.keys((PredictorDetailSchema.properties.definition as any).properties).sort(),
    ['calibration', 'contexts', 'grid', 'held_out_savings', 'label', 'levels', 'name', 'signals', 'trained'])
})

t.test('a definition that no score can be computed with is refused', async (t) => {
  for (const [change, path] of [
    [{ grid: [0.5] }, '/grid'], [{ grid: Array.from({ length: 121 }, (_, k) => 0.99 - k / 200) }, '/grid'],
    [{ grid: PREDICTOR.grid.with(3, 1) }, '/grid/3'],
    [{ signals: [{ name: 'entropy', mean: 0, scale: 0 }] }, '/signals/0/scale'],
    [{ signals: [{ name: 'entropy', mean: 'x', scale: 1 }] }, '/signals/0/mean'],
    [{ contexts: { '*': { log_median: 1, weights: [1, 2, 3] } } }, '/contexts/*/weights'],
    [{ contexts: { '*': { ...PREDICTOR.contexts['*'], length_power: -0.5 } } }, '/contexts/*/length_power'],
    [{ held_out_savings: { '*': { generations: 9 } } }, '/held_out_savings/*/max_em_drop'],
    [{ label: 'vibes' }, '/label'],
    [{ bias: 1 }, '/bias'],
  ] as const) t.match(problem({ ...PREDICTOR, ...change }), { path }, path)
})
