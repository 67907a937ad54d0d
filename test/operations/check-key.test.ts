import t from 'tap'
import { checkKey } from '../../src/operations/check-key.js'

t.test('a key must fit the configured levels', async (t) => {
  const config = { levels: ['model', 'task'] }
  for (const key of ['*', 'model=q', 'model=q,task=-']) checkKey(config, key)
  t.throws(() => checkKey(config, 'task=x'), { code: 'INVALID_CONTEXT_KEY', message: /task=x.*model=\.\.\.,task=\.\.\./ })
})
