import t from 'tap'
import { PredictorCache } from '../../src/store/predictor-cache.js'
import { versionOf } from './fixtures.js'

t.test('texts are read where the stamp is another, or none', async (t) => {
  const cache = new PredictorCache()
  let reads = 0
  const texts: Array<[string, string]> = [['q', JSON.stringify(versionOf('q', 2))], ['p', JSON.stringify(versionOf('p', 1))]]
  const read = async () => { reads++; return texts }
  const first = await cache.versions('a', read)
  t.same([...first], [['p', versionOf('p', 1)], ['q', versionOf('q', 2)]], 'in order')
  const kept = first.get('p')
  first.delete('p')
  t.equal((await cache.versions('a', read)).get('p'), kept, 'the very same object, whatever a caller does to its map')
  t.equal(reads, 1)
  texts.pop()
  t.same([...(await cache.versions('b', read)).keys()], ['q'])
  t.equal(reads, 2)
  for (let i = 0; i < 2; i++) await cache.versions(null, read)
  await cache.versions('b', read)
  t.equal(reads, 5, 'what was read without a stamp vouches for nothing')
})

t.test('more than so much is not kept', async (t) => {
  const cache = new PredictorCache()
  let reads = 0
  const text = JSON.stringify({ ...versionOf('p', 1), by: 'x'.repeat(65 * 1024 * 1024) })
  for (let i = 0; i < 2; i++) await cache.versions('a', async () => { reads++; return [['p', text] as const] })
  t.equal(reads, 2)
})
