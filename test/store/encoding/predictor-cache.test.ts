import t from 'tap'
import { PredictorCache } from '../../../src/store/encoding/predictor-cache.js'
import { versionOf } from '../fixtures.js'

t.test('predictors are read again only when the stamp changes', async (t) => {
  const cache = new PredictorCache()
  let reads = 0
  const texts: Array<[string, string]> = [['q', JSON.stringify(versionOf('q', 2))], ['p', JSON.stringify(versionOf('p', 1))]]
  const read = async () => { reads++; return texts }
  const first = await cache.versions('a', read)
  t.same([...first], [['p', versionOf('p', 1)], ['q', versionOf('q', 2)]], 'in order')
  const kept = first.get('p')
  first.delete('p')
  t.equal((await cache.versions('a', read)).get('p'), kept, 'the cache keeps its own map')
  t.equal(reads, 1)
  texts.pop()
  t.same([...(await cache.versions('b', read)).keys()], ['q'])
  t.equal(reads, 2)
})

t.test('more than 64 MiB of text is not cached', async (t) => {
  const cache = new PredictorCache()
  let reads = 0
  const text = JSON.stringify({ ...versionOf('p', 1), by: 'x'.repeat(65 * 1024 * 1024) })
  for (let i = 0; i < 2; i++) await cache.versions('a', async () => { reads++; return [['p', text] as const] })
  t.equal(reads, 2)
})
