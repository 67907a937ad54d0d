import t from 'tap'
import { CheckpointSchema, RunParamsSchema } from '../../openapi/checkpoint-schemas.js'
import { itemValidator } from '../../openapi/validation.js'

t.test('a run may have any name except . and ..', async (t) => {
  const problem = itemValidator(RunParamsSchema)
  for (const run of ['q-rl-7', '...', 'a/b', '../x', '__proto__', 'ü🙂', '\0', '%']) t.equal(problem({ run }), null, run)
  for (const run of ['.', '..']) t.match(problem({ run }), { path: '/run', message: /not allowed; Name of the run, not \. or \.\./ })
  for (const run of ['', 'x'.repeat(129), '\ud800']) t.match(problem({ run }), { path: '/run' })
})

t.test('a checkpoint needs its figures, as fractions and whole numbers', async (t) => {
  const problem = itemValidator(CheckpointSchema)
  const one = { step: 0, suite: 's', em: 1, n: 1, tokens_mean: 0 }
  t.equal(problem(one), null)
  for (const [field, value] of [['em', 1.01], ['em', NaN], ['n', 0], ['step', -1], ['tokens_mean', null], ['truncated_rate', 2], ['threshold', '0.5']] as const) {
    t.match(problem({ ...one, [field]: value }), { path: `/${field}` }, `${field} ${value}`)
  }
})
