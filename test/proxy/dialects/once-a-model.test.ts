import t from 'tap'
import { DialectError } from '../../../src/proxy/dialects/dialect-error.js'
import { once } from '../../../src/proxy/dialects/once-a-model.js'

t.test('each model is asked about once, and again after a failure', async (t) => {
  const asked: string[] = []
  const get = once(async (model) => {
    asked.push(model)
    if (asked.length === 1) throw new Error('away')
    return model
  })
  await t.rejects(get('a', []), DialectError)
  t.same(await Promise.all([get('a', []), get('a', []), get('b', [])]), ['a', 'a', 'b'])
  t.same(asked, ['a', 'a', 'b'])
})
