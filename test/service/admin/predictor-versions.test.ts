import t from 'tap'
import { MAX_PREDICTORS } from '../../../src/core/scores/predictor-version.js'
import { PREDICTOR } from '../../core/decide/snapshot-of.js'
import { build } from '../../helper.js'

const origin = { by: 'ops', reason: 'test' }

t.test('the oldest retired predictor makes room for a new one', async (t) => {
  const { predictors } = await build(t)
  for (let i = 0; i < MAX_PREDICTORS; i++) await predictors.put(`p${i}`, PREDICTOR, origin)
  await t.rejects(predictors.put('more', PREDICTOR, origin), { code: 'TOO_MANY_PREDICTORS', statusCode: 409 })
  await predictors.put('p3', PREDICTOR, origin)
  await predictors.retire('p3', origin)
  await predictors.retire('p7', origin)
  await predictors.put('more', PREDICTOR, origin)
  const names = (await predictors.list()).map(({ name }) => name)
  t.equal(names.length, MAX_PREDICTORS)
  t.equal(names[0], 'more', 'newest first')
  t.notOk(names.includes('p3'))
  t.ok(names.includes('p7'))
})

t.test('a predictor\'s name always means the same scores', async (t) => {
  const { predictors } = await build(t)
  await predictors.put('p', PREDICTOR, origin)
  await predictors.put('p', structuredClone(PREDICTOR), origin)
  await t.rejects(predictors.put('p', { ...PREDICTOR, grid: PREDICTOR.grid.with(29, 0.01) }, origin), { code: 'PREDICTOR_EXISTS' })
  await t.rejects(predictors.put('p', { ...PREDICTOR, trained_group_ids: ['g'] }, origin), { code: 'PREDICTOR_EXISTS' })
  await predictors.retire('p', origin)
  await predictors.retire('p', origin)
  t.match(await predictors.list(), [{ name: 'p', status: 'retired', retired_at: String }])
  t.match(await predictors.put('p', PREDICTOR, origin), { status: 'live', retired_at: null })
  await t.rejects(predictors.get('nobody'), { code: 'PREDICTOR_NOT_FOUND', statusCode: 404 })
})
