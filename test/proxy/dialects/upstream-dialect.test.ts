import t from 'tap'
import { until } from '../../helper.js'
import { UpstreamDialect } from '../../../src/proxy/dialects/upstream-dialect.js'

t.test('the model server is asked once; if it does not say what it is, it is not asked again at once', async (t) => {
  const answers = [new Error('away'), 'vllm' as const]
  let asked = 0
  const dialect = new UpstreamDialect('auto', async () => {
    const answer = answers[asked++]!
    if (answer instanceof Error) throw answer
    return answer
  })
  t.equal(await dialect.find([]), null)
  t.equal(await dialect.find([]), null)
  t.equal(asked, 1)
  t.equal(await until('it is asked again', async () => await dialect.find([])), 'vllm')
  t.equal(await dialect.find([]), 'vllm')
  t.equal(asked, 2)
  t.equal(dialect.name, 'vllm')
})

t.test('a dialect that the operator names is not detected', async (t) => {
  const dialect = new UpstreamDialect('plain', async () => { throw new Error('it was asked') })
  t.equal(await dialect.find([]), 'plain')
})
